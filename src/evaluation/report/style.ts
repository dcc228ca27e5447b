/** The style sheet of a report: light and dark, on screens and on paper. */

export const STYLE = `
:root { color-scheme: light dark; --page: #fcfcfb; --text: #1d1d1b; --soft: #5c5c57; --line: #dedcd6; --base: #77756e;
  --one: #2a5db0; --two: #b4531f; --three: #2e7d4f; --four: #8a3f8f; --mark: #3c3b38; --panel: #f4f3ef; }
@media (prefers-color-scheme: dark) { :root { --page: #191a1c; --text: #ecebe6; --soft: #a9a8a1; --line: #3a3b3e; --base: #8f8e87;
  --one: #82aaf0; --two: #f0a070; --three: #79c99a; --four: #d79be0; --mark: #d8d6cf; --panel: #232427; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; } h2 { font-size: 1.2rem; margin: 40px 0 8px; }
p { margin: 8px 0; max-width: 70ch; } .soft, figcaption { color: var(--soft); font-size: 0.9rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.9rem; width: 100%; margin: 12px 0; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } .number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 12px 0; } svg { display: block; width: 100%; height: auto; } .legend svg { display: inline-block; width: 16px; vertical-align: -3px; margin-right: 4px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 0.9rem; }
svg text { fill: var(--text); font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; } svg .tick { fill: var(--soft); font-size: 12px; }
.grid { stroke: var(--line); } .base { stroke: var(--base); stroke-width: 1.5; } .whisker { stroke-width: 2; }
.series0 { fill: var(--one); stroke: var(--one); } .series1 { fill: var(--two); stroke: var(--two); }
.series2 { fill: var(--three); stroke: var(--three); } .series3 { fill: var(--four); stroke: var(--four); }
.bar { fill-opacity: 0.25; stroke: none; } .curve { fill: none; stroke-width: 2; }
.mark path { fill: var(--page); stroke: var(--mark); stroke-width: 1.6; } .mark1 path { fill: var(--mark); fill-opacity: 0.35; }
@media print { :root { --page: #fff; } main { max-width: none; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
`;
