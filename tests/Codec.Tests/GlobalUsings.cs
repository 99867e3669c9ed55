global using Codec.Tests.Support;
global using Xunit;
