import { escapeText } from './plot.ts'

export interface Section {
  readonly title: string
  readonly text: string
  /** First the heads. */
  readonly table?: readonly (readonly string[])[]
  readonly plots?: readonly string[]
  /** As it was printed. */
  readonly pre?: string
}

export interface Page {
  readonly title: string
  /** The one line that differs between two runs of one seed: when, and how long it took. */
  readonly header: string
  readonly sections: readonly Section[]
}

/** Okabe and Ito's colours, lighter on dark ground. */
const STYLE = `:root{color-scheme:light dark;--ink:#1a1a1a;--ground:#fff;--soft:#ddd;--c0:#0072b2;--c1:#d55e00;--c2:#007a56;--c3:#a8518a;--c4:#8a6d00;--c5:#555}
@media (prefers-color-scheme:dark){:root{--ink:#e8e8e8;--ground:#16181c;--soft:#3a3d44;--c0:#56b4e9;--c1:#ff9e4a;--c2:#3fd0a0;--c3:#e39cc9;--c4:#f0e442;--c5:#aaa}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--ground)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.875rem}th,td{padding:.25rem .75rem;border-bottom:1px solid var(--soft);text-align:right}td{white-space:nowrap}th:first-child,td:first-child{text-align:left}
pre{overflow-x:auto}svg{width:100%;max-width:44rem;height:auto;display:block;margin:1rem 0;font:12px system-ui,sans-serif}svg text{fill:var(--ink)}.title{font-weight:600}.level{stroke:var(--soft)}.curve{fill:none;stroke-width:2}.thin{stroke-width:1}.whisker{stroke:var(--ink);stroke-width:1.5}
${[0, 1, 2, 3, 4, 5].map((i) => `.curve.c${i}{stroke:var(--c${i})}.dot.c${i}{fill:var(--c${i})}`).join('')}`

/** A report that needs nothing but a browser: no script, no other file. */
export function renderPage({ title, header, sections }: Page): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeText(title)}</title>
<style>
${STYLE}
</style></head>
<body>
<h1>${escapeText(title)}</h1>
<p id="header">${escapeText(header)}</p>
${sections.map(renderSection).join('\n')}
</body>
</html>
`
}

function renderSection({ title, text, table, plots = [], pre }: Section): string {
  return `<section><h2>${escapeText(title)}</h2>
<p>${escapeText(text)}</p>
${plots.join('\n')}
${table === undefined ? '' : renderTable(table)}${pre === undefined ? '' : `<pre>${escapeText(pre)}</pre>`}</section>`
}

function renderTable([heads = [], ...rows]: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join('')}</tr>`
  return `<div class="scroll"><table><thead>${row(heads, 'th')}</thead><tbody>
${rows.map((cells) => row(cells, 'td')).join('\n')}
</tbody></table></div>`
}
