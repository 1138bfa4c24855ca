//! What the program's HTML pages share: one style sheet, light and dark, and text made safe for a page.

/// The style sheet.
pub const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.lead{opacity:.75;margin:0 0 1.2rem}
figure{margin:0}figcaption{font-size:.85rem;opacity:.75}
img,svg{width:100%;height:auto;border-radius:6px;display:block}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:.6rem}
.tile{background:var(--soft);border-radius:6px;padding:.6rem .8rem}.tile b{display:block;font-size:1.25rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right}
.bad{color:#c33;font-weight:600}
details{margin:.6rem 0}
";

/// A text as it stands in a page or in a quoted attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
