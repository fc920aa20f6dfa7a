// Runs in Chromium, put there before the page's own scripts: what the benchmark may call is on `globalThis.webBench`. Plain
// JavaScript, because this repository is checked without the types of a browser.
const PATIENCE_MS = 10_000

/** Resolves when the next frame has been painted, with the time. */
const painted = () =>
  new Promise((resolve) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        port1.close()
        resolve(performance.now())
      }
      // Its turn comes when styles, layout and paint of this frame are done.
      port2.postMessage(undefined)
    })
  })

/** Milliseconds from an act until a painted frame shows what it leads to. */
async function timed(act, isShown) {
  const began = performance.now()
  act()
  for (;;) {
    const at = await painted()
    if (isShown()) return at - began
    if (at - began > PATIENCE_MS) throw new Error('the page does not show it')
  }
}

function enter(field, text) {
  field.value = text
  field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true }))
}

const grid = () => document.querySelector('[role=grid]')
const firstRow = () =>
  [...document.querySelectorAll('[role=gridcell]')]
    .map((cell) => cell.closest('[role=row]'))
    .toSorted((a, b) => Number(a.ariaRowIndex) - Number(b.ariaRowIndex))[0]?.textContent ?? ''

/** A table as one writes it first: a row for every row, which a filter hides or shows. */
class PlainTable {
  view = document.createElement('div')
  #field = document.createElement('input')
  #status = document.createElement('p')
  #rows = []

  constructor(texts, heightPx, rowHeightPx) {
    this.view.style.cssText = `position:fixed;inset:0 0 auto 0;height:${heightPx}px;overflow:auto;background:white;z-index:99`
    const table = document.createElement('table')
    table.style.cssText = 'width:100%;border-collapse:collapse;font-size:0.875rem'
    const body = table.createTBody()
    for (const cells of texts) {
      const row = body.insertRow()
      row.style.cssText = `height:${rowHeightPx}px;border-bottom:1px solid #ddd`
      for (const text of cells) row.insertCell().textContent = text
      this.#rows.push({ row, text: cells.join('\n').toLowerCase() })
    }
    this.#field.addEventListener('input', () => this.#filter(this.#field.value))
    this.view.append(this.#field, this.#status, table)
    this.#filter('')
  }

  #filter(text) {
    const words = text.toLowerCase().split(/\s+/u).filter(Boolean)
    let count = 0
    for (const { row, text: all } of this.#rows) {
      const isFound = words.every((word) => all.includes(word))
      row.hidden = !isFound
      if (isFound) count += 1
    }
    this.#status.textContent = String(count)
  }

  filtered(text, rows) {
    return timed(
      () => enter(this.#field, text),
      () => this.#status.textContent === String(rows),
    )
  }
}

let plain

globalThis.webBench = {
  /** Types into the search of the site's own table, or chooses in a field of its filters. */
  filter: (selector, text, rows, word) =>
    timed(
      () => enter(document.querySelector(selector), text),
      () => grid()?.ariaRowCount === String(rows + 1) && firstRow().includes(word),
    ),

  /** The least that a page can do: a word is another one. */
  oneWord: async () => {
    const word = document.createElement('output')
    word.style.cssText = 'position:fixed;top:0;left:0'
    document.body.append(word)
    await painted()
    const tookMs = await timed(
      () => {
        word.textContent = 'answered'
      },
      () => true,
    )
    word.remove()
    return tookMs
  },

  makePlain: (texts, heightPx, rowHeightPx) => {
    plain = new PlainTable(texts, heightPx, rowHeightPx)
  },
  /** In sight, or out of the page: two tables at once would pay for each other. */
  showPlain: async (isShown) => {
    if (isShown) document.body.append(plain.view)
    else plain.view.remove()
    document.querySelector('main').hidden = isShown
    await painted()
    await painted()
  },
  filterPlain: (text, rows) => plain.filtered(text, rows),

  elements: () => document.querySelectorAll('*').length,

  /**
   * Scrolls from one end to the other, a step each frame; without a table it only waits for frames.
   * @returns milliseconds between frames, and in how many a part of the table was painted without a row
   */
  scroll: async (what, forMs) => {
    const view = { grid: () => grid().closest('[role=region]'), plain: () => plain.view }[what]?.()
    const rowOf = { grid: '[role=row]', plain: 'tr' }[what]
    if (what === 'grid') view.scrollIntoView({ block: 'center' })
    if (view) view.scrollTop = 0
    await painted()
    const box = view?.getBoundingClientRect()
    const isWhole = () =>
      [0.25, 0.5, 0.9].every((share) =>
        document.elementFromPoint(box.left + 40, box.top + box.height * share)?.closest(rowOf),
      )
    const frames = []
    let gaps = 0
    const began = performance.now()
    for (let before = began; before - began < forMs; ) {
      if (view)
        view.scrollTop = ((view.scrollHeight - view.clientHeight) * (before - began)) / forMs
      const at = await painted()
      frames.push(at - before)
      before = at
      if (view && !isWhole()) gaps += 1
    }
    return { frames, gaps }
  },

  /** Of this load, so far. */
  paints: () =>
    new Promise((resolve) => {
      const seen = { lcpMs: 0, cls: 0 }
      const observe = (type, take) =>
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) take(entry)
        }).observe({ type, buffered: true })
      observe('largest-contentful-paint', ({ startTime }) => {
        seen.lcpMs = startTime
      })
      observe('layout-shift', ({ value, hadRecentInput }) => {
        if (!hadRecentInput) seen.cls += value
      })
      // Buffered entries come in a turn of their own.
      setTimeout(() => resolve(seen), 100)
    }),
}
