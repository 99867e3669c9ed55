namespace Codec.Evaluation.Reports;

/// <summary>The look of the page.</summary>
internal static class HtmlStyle
{
    public const string Css = """
        body{font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:#1d2530;background:#fff;margin:0}
        main{max-width:1180px;margin:0 auto;padding:24px}
        h1{font-size:28px;margin:0 0 4px}h2{font-size:19px;margin:34px 0 2px;border-top:1px solid #dfe4ea;padding-top:16px}h3{font-size:14px;margin:18px 0 6px;color:#55606e}
        .note{color:#55606e;margin:2px 0 10px;max-width:90ch}
        .ok{background:#e8f6ee;border-left:5px solid #2a9d5c;padding:7px 12px}
        .bad{background:#fde8ea;border-left:5px solid #d62f4b;padding:9px 12px}
        table{border-collapse:collapse;font-size:13.5px}th,td{padding:4px 9px;text-align:left;border-bottom:1px solid #e6eaef;vertical-align:top}
        th{font-weight:600}.num td,.r{text-align:right;font-variant-numeric:tabular-nums}.num th:not(:first-child){text-align:right}
        .num th:first-child{position:sticky;left:0;background:#fff}
        .control th,.control td{color:#7b8694}.none{background:#f4f6f8}
        .win{width:100%}.win th:first-child{white-space:nowrap}.win td{padding:6px 10px}.win small{display:block;color:#6a7583}.v{font-variant-numeric:tabular-nums}
        .wide{overflow-x:auto}
        .good{background:#d9f0e3;color:#14603a}.poor{background:#fbe0e3;color:#98172d}.tie{color:#8a94a1}.self{background:#eef1f4}
        .sig td{text-align:center;padding:2px 5px;min-width:18px}.sig th{padding:2px 6px;white-space:nowrap;font-weight:500}
        .up{vertical-align:bottom}.up span{writing-mode:vertical-rl;transform:rotate(180deg)}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(480px,1fr));gap:14px}
        figure{margin:0}svg{width:100%;height:auto;font-size:11.5px}svg text{fill:#45505d}svg .axis{font-weight:600;font-size:13px}.grid{stroke:#e6eaef}
        .clips{display:grid;grid-template-columns:repeat(auto-fill,minmax(270px,1fr));gap:12px}
        .clips img{width:100%;height:128px;image-rendering:auto;display:block;background:#000}.clips audio{width:100%;height:34px}
        figcaption{font-size:12.5px;min-height:38px}figcaption span{color:#6a7583;margin-left:6px;white-space:nowrap}
        summary{cursor:pointer;color:#55606e}
        """;
}
