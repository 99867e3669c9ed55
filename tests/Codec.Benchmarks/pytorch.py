"""The shapes of the table in PyTorch, random weights, one thread: prints "name value" lines, x real time or steps per second of CPU time.

Not needed by the project: `Codec.Benchmarks table` runs it where a python3 with torch is there. The networks are written from their published
descriptions with weight norm folded, as plainly as PyTorch users run them. The speed of a matrix product is told with the version, because a
PyTorch that finds the reference BLAS (Debian without libopenblas) is ten times slower than it has to be.
"""
import time

import torch
from torch import nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_grad_enabled(False)
torch.manual_seed(0)


def least(run, rounds):
    run()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def speed(name, encode, decode, seconds, rounds):
    print(name, "encode", seconds / least(encode, rounds), flush=True)
    print(name, "decode", seconds / least(decode, rounds), flush=True)


def search(latent, books):
    codes = []
    for book in books:
        code = (latent.square().sum(-1, keepdim=True) - 2 * latent @ book.t() + book.square().sum(-1)).argmin(-1)
        codes.append(code)
        latent = latent - book[code]
    return codes


def lookup(codes, books):
    return sum(book[code] for code, book in zip(codes, books))


class ConvNext(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mix, self.norm = nn.Conv1d(width, width, 7, groups=width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)

    def forward(self, x):
        y = self.mix(F.pad(x.transpose(1, 2), (6, 0))).transpose(1, 2)
        return x + 0.1 * self.down(F.gelu(self.up(self.norm(y))))


def native(seconds=4):
    stack = lambda width, blocks: nn.Sequential(*[ConvNext(width) for _ in range(blocks)])
    window, books = torch.hann_window(640), [torch.randn(1024, 64) for _ in range(8)]
    analyse = nn.Sequential(nn.Linear(642, 256), nn.LayerNorm(256), stack(256, 4), nn.LayerNorm(256), nn.Linear(256, 64))
    body, head = nn.Sequential(nn.Linear(64, 320), stack(320, 6), nn.Linear(320, 512)), nn.Sequential(stack(256, 2), nn.LayerNorm(256), nn.Linear(256, 642))
    audio = torch.randn(1, 16000 * seconds) * 0.05

    def encode():
        spectrum = torch.stft(F.pad(audio, (480, 0)), 640, 160, window=window, center=False, return_complex=True).abs().transpose(1, 2)
        return search(analyse(spectrum.clamp(min=1e-4).log().reshape(1, -1, 642)), books)

    def decode():
        magnitude, phase = head(body(lookup(codes, books)).reshape(1, -1, 256)).split(321, 2)
        frames = torch.fft.irfft(torch.polar(magnitude.clamp(max=5).exp(), phase).transpose(1, 2), 640, dim=1) * window[:, None]
        return F.fold(frames, (1, (frames.shape[2] - 1) * 160 + 640), (1, 640), stride=(1, 160))

    codes = encode()
    speed("native", encode, decode, seconds, 2)


class Causal(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        self.conv, self.pad = nn.Conv1d(inputs, outputs, kernel, stride), kernel - stride

    def forward(self, x):
        return self.conv(F.pad(x, (self.pad, 0), mode="reflect"))


class CausalUp(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv, self.stride = nn.ConvTranspose1d(inputs, outputs, 2 * stride, stride), stride

    def forward(self, x):
        return self.conv(x)[..., :-self.stride]


class SeanetUnit(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block = nn.Sequential(nn.ELU(), Causal(width, width // 2, 3), nn.ELU(), Causal(width // 2, width, 1))
        self.shortcut = Causal(width, width, 1)

    def forward(self, x):
        return self.shortcut(x) + self.block(x)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(512, 512, 2)

    def forward(self, x):
        x = x.permute(2, 0, 1)
        return (self.lstm(x)[0] + x).permute(1, 2, 0)


def encodec(seconds=4):
    layers, width = [Causal(1, 32, 7)], 32
    for stride in (2, 4, 5, 8):
        layers += [SeanetUnit(width), nn.ELU(), Causal(width, 2 * width, 2 * stride, stride)]
        width *= 2
    encoder = nn.Sequential(*layers, Recurrent(), nn.ELU(), Causal(width, 128, 7))
    layers = [Causal(128, width, 7), Recurrent()]
    for stride in (8, 5, 4, 2):
        layers += [nn.ELU(), CausalUp(width, width // 2, stride), SeanetUnit(width // 2)]
        width //= 2
    decoder = nn.Sequential(*layers, nn.ELU(), Causal(32, 1, 7))
    audio, books = torch.randn(1, 1, 24000 * seconds) * 0.1, [torch.randn(1024, 128) for _ in range(8)]
    encode = lambda: search(encoder(audio).transpose(1, 2), books)
    codes = encode()
    speed("encodec", encode, lambda: decoder(lookup(codes, books).transpose(1, 2)), seconds, 2)


class Snake(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, width, 1))

    def forward(self, x):
        return x + (self.alpha + 1e-9).reciprocal() * torch.sin(self.alpha * x).square()


class DacUnit(nn.Module):
    def __init__(self, width, dilation, groups=1):
        super().__init__()
        self.block = nn.Sequential(Snake(width), nn.Conv1d(width, width, 7, dilation=dilation, padding=3 * dilation, groups=groups), Snake(width), nn.Conv1d(width, width, 1))

    def forward(self, x):
        return x + self.block(x)


class Noise(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Conv1d(width, width, 1, bias=False)

    def forward(self, x):
        return x + torch.randn(1, 1, x.shape[2]) * self.linear(x)


def snake_codec(name, strides, widths, depthwise, frames, seconds):
    units = lambda width: [DacUnit(width, dilation, width if depthwise else 1) for dilation in (1, 3, 9)]
    layers, width = [nn.Conv1d(1, widths[0], 7, padding=3)], widths[0]
    for stride in strides:
        layers += [*units(width), Snake(width), nn.Conv1d(width, 2 * width, 2 * stride, stride, (stride + 1) // 2)]
        width *= 2
    last = [nn.Conv1d(width, width, 7, padding=3, groups=width)] if depthwise else [Snake(width), nn.Conv1d(width, width, 3, padding=1)]
    encoder = nn.Sequential(*layers, *last)
    first = [nn.Conv1d(width, width, 7, padding=3, groups=width), nn.Conv1d(width, widths[1], 1)] if depthwise else [nn.Conv1d(width, widths[1], 7, padding=3)]
    latent, layers, width = torch.randn(1, width, frames * seconds), first, widths[1]
    for stride in reversed(strides):
        layers += [Snake(width), nn.ConvTranspose1d(width, width // 2, 2 * stride, stride, (stride + 1) // 2, stride % 2)]
        width //= 2
        layers += [*([Noise(width)] if depthwise else []), *units(width)]
    decoder = nn.Sequential(*layers, Snake(width), nn.Conv1d(width, 1, 7, padding=3), nn.Tanh())
    hop = torch.tensor(strides).prod().item()
    audio = torch.randn(1, 1, hop * frames * seconds) * 0.1
    speed(name, lambda: encoder(audio), lambda: decoder(latent), seconds, 2)


def dac():
    snake_codec("dac24", (2, 4, 5, 8), (64, 1536), False, 75, 1)
    snake_codec("dac44", (2, 4, 8, 8), (64, 1536), False, 86, 1)


def snac():
    snake_codec("snac", (2, 4, 8, 8), (48, 1024), True, 47, 2)


class MimiUnit(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.block = nn.Sequential(nn.ELU(), CausalZero(width, width // 2, 3), nn.ELU(), CausalZero(width // 2, width, 1))

    def forward(self, x):
        return x + self.block(x)


class CausalZero(Causal):
    def forward(self, x):
        return self.conv(F.pad(x, (self.pad, 0)))


class Transformer(nn.Module):
    def __init__(self, width=512, hidden=2048, context=250):
        super().__init__()
        self.norm1, self.norm2, self.context = nn.LayerNorm(width), nn.LayerNorm(width), context
        self.joint, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        place = torch.arange(x.shape[1])
        distance = place[:, None] - place
        angle = place[:, None] * 10000 ** (torch.arange(32).float() / -32)
        turn = torch.complex(angle.cos(), angle.sin())
        y = self.joint(self.norm1(x)).view(x.shape[1], 3, 8, 64).permute(1, 2, 0, 3)
        turned = torch.view_as_real(torch.view_as_complex(y[:2].reshape(2, 8, -1, 32, 2)) * turn).flatten(3)
        scores = (turned[0] @ turned[1].transpose(1, 2) / 8).masked_fill((distance < 0) | (distance >= self.context), float("-inf"))
        x = x + 0.01 * self.out((torch.softmax(scores, -1) @ y[2]).transpose(0, 1).reshape(1, -1, 512))
        return x + 0.01 * self.down(F.gelu(self.up(self.norm2(x))))


def mimi(seconds=4):
    layers, width = [CausalZero(1, 64, 7)], 64
    for stride in (4, 5, 6, 8):
        layers += [MimiUnit(width), nn.ELU(), CausalZero(width, 2 * width, 2 * stride, stride)]
        width *= 2
    encoder, reader = nn.Sequential(*layers, nn.ELU(), CausalZero(width, 512, 3)), nn.Sequential(*[Transformer() for _ in range(8)])
    layers = [CausalZero(512, width, 7)]
    for stride in (8, 6, 5, 4):
        layers += [nn.ELU(), CausalUp(width, width // 2, stride), MimiUnit(width // 2)]
        width //= 2
    decoder, writer = nn.Sequential(*layers, nn.ELU(), CausalZero(64, 1, 3)), nn.Sequential(*[Transformer() for _ in range(8)])
    down, up = CausalZero(512, 512, 4, 2), nn.ConvTranspose1d(512, 512, 4, 2, groups=512, bias=False)
    audio, books = torch.randn(1, 1, 24000 * seconds) * 0.1, [torch.randn(2048, 256) for _ in range(8)]
    into, back = nn.Linear(512, 256), nn.Linear(256, 512)
    encode = lambda: search(into(down(reader(encoder(audio).transpose(1, 2)).transpose(1, 2)).transpose(1, 2)), books)
    decode = lambda: decoder(writer(up(back(lookup(codes, books)).transpose(1, 2))[..., :-2].transpose(1, 2)).transpose(1, 2))
    codes = encode()
    speed("mimi", encode, decode, seconds, 2)


def lm(dim=512, layers=8, books=4, history=256):
    heads, hidden = dim // 64, dim * 8 // 3 // 32 * 32
    matrix = lambda rows, columns: torch.randn(rows, columns) * 0.02
    weights = [(matrix(3 * dim, dim), matrix(dim, dim), matrix(2 * hidden, dim), matrix(dim, hidden)) for _ in range(layers)]
    embeddings, outputs = [torch.randn(1025, dim) for _ in range(books)], [matrix(1024, dim) for _ in range(books)]
    cache = [torch.zeros(2, 1, heads, history + 100, 64) for _ in range(layers)]
    rates = 10000 ** (torch.arange(32).float() / -32)
    norm = lambda x: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)

    def step(place):
        x = sum(table[:1] for table in embeddings)
        angle = rates * place
        turn = torch.complex(angle.cos(), angle.sin())
        for (joint, out, up, down), memory in zip(weights, cache):
            y = F.linear(norm(x), joint).view(1, 3, heads, 64)
            turned = torch.view_as_real(torch.view_as_complex(y[:, :2].reshape(1, 2, heads, 32, 2)) * turn).flatten(3)
            memory[0, :, :, place], memory[1, :, :, place] = turned[:, 1], y[:, 2]
            keys, values = memory[0, :, :, :place + 1], memory[1, :, :, :place + 1]
            seen = torch.softmax(turned[:, 0].unsqueeze(2) @ keys.transpose(2, 3) / 8, -1) @ values
            x = x + F.linear(seen.reshape(1, -1), out)
            gate, value = F.linear(norm(x), up).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * value, down)
        return torch.stack([F.linear(norm(x), output) for output in outputs], 1)

    print("lm step", 50 / least(lambda: [step(history + i) for i in range(50)], 3), flush=True)


square = torch.randn(512, 512)
print(f"version {torch.__version__}, products at {2e-9 * 512 ** 3 / least(lambda: square @ square, 5):.0f} GFLOP/s", flush=True)
for part in (native, encodec, mimi, snac, dac, lm):
    part()
