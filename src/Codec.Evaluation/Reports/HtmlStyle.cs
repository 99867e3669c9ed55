namespace Codec.Evaluation.Reports;

/// <summary>The look of the page.</summary>
internal static class HtmlStyle
{
    public const string Css = """
        :root{color-scheme:light dark;--ink:#1d2530;--soft:#55606e;--faint:#6a7583;--page:#fff;--line:#e6eaef;--rule:#dfe4ea;--none:#f4f6f8;--self:#eef1f4;
        --good:#d9f0e3;--goodink:#14603a;--poor:#fbe0e3;--poorink:#98172d;--tie:#8a94a1;--okback:#e8f6ee;--badback:#fde8ea;--axis:#45505d}
        @media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#a9b3c0;--faint:#97a2b0;--page:#14181e;--line:#2a313b;--rule:#343c47;--none:#1b2027;--self:#222932;
        --good:#153b28;--goodink:#8fe0b3;--poor:#48202a;--poorink:#ffaab8;--tie:#7f8a98;--okback:#14301f;--badback:#3c1a21;--axis:#b4bdc9}
        svg .curve{filter:brightness(1.25)}}
        body{font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);background:var(--page);margin:0}
        main{max-width:1180px;margin:0 auto;padding:24px}
        h1{font-size:28px;margin:0 0 4px}h2{font-size:19px;margin:34px 0 2px;border-top:1px solid var(--rule);padding-top:16px}h3{font-size:14px;margin:18px 0 6px;color:var(--soft)}
        .note{color:var(--soft);margin:2px 0 10px;max-width:90ch}
        nav{font-size:13.5px;margin:10px 0;display:flex;flex-wrap:wrap}nav a{margin-right:14px;color:inherit;white-space:nowrap}
        .ok{background:var(--okback);border-left:5px solid #2a9d5c;padding:7px 12px}
        .bad{background:var(--badback);border-left:5px solid #d62f4b;padding:9px 12px}
        .leads{list-style:none;padding:0;margin:12px 0;font-size:16px}.leads li{margin:7px 0;display:grid;grid-template-columns:16ch 1fr}
        .chip{display:inline-block;border-radius:5px;padding:1px 8px;margin:0 6px 3px 0;border:1px solid var(--line);border-left-width:6px;white-space:nowrap}.chip small{color:var(--soft);margin-right:3px}
        table{border-collapse:collapse;font-size:13.5px}th,td{padding:4px 9px;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
        th{font-weight:600}.num td,.r{text-align:right;font-variant-numeric:tabular-nums}.num th:not(:first-child){text-align:right}
        .num th:first-child{position:sticky;left:0;background:var(--page)}
        .control th,.control td{color:var(--faint)}.none{background:var(--none)}
        .win{width:100%}.win th:first-child{white-space:nowrap}.win td{padding:6px 10px;min-width:150px}.win small{display:block;color:var(--faint)}.v{font-variant-numeric:tabular-nums}
        .wide{overflow-x:auto}
        .good{background:var(--good);color:var(--goodink)}.poor{background:var(--poor);color:var(--poorink)}.tie{color:var(--tie)}.self{background:var(--self)}
        .sig td{text-align:center;padding:2px 5px;min-width:18px}.sig th{padding:2px 6px;white-space:nowrap;font-weight:500}
        .up{vertical-align:bottom}.up span{writing-mode:vertical-rl;transform:rotate(180deg)}
        .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(480px,1fr));gap:14px;margin-top:12px}
        @media(max-width:560px){.charts,.leads li{grid-template-columns:1fr}main{padding:14px}}
        figure{margin:0}svg{width:100%;height:auto;font-size:11.5px}svg text{fill:var(--axis)}svg .axis{font-weight:600;font-size:13px}.grid{stroke:var(--line)}.hollow{fill:var(--page)}
        .clips{display:grid;grid-template-columns:repeat(auto-fill,minmax(270px,1fr));gap:12px}
        .clips img{width:100%;height:128px;image-rendering:auto;display:block;background:#000}.clips audio{width:100%;height:34px}
        figcaption{font-size:12.5px;min-height:38px}figcaption span{color:var(--faint);margin-left:6px;white-space:nowrap}
        summary{cursor:pointer;color:var(--soft)}
        """;
}
