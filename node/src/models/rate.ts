/** How fast something goes, over the last seconds. */
export class RateMeter {
  readonly #windowMs: number
  readonly #samples: { readonly at: number; readonly bytes: number }[] = []

  constructor(windowMs = 10_000) {
    this.#windowMs = windowMs
  }

  /** `bytes` in total at the time `at`, ms. Fewer than before begins anew. */
  add(bytes: number, at: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && bytes < last.bytes) this.#samples.length = 0
    // Ten a second say enough; the oldest of the window is kept to measure from.
    if (last !== undefined && this.#samples.length > 1 && at - last.at < 100) this.#samples.pop()
    this.#samples.push({ at, bytes })
    while ((this.#samples[1]?.at ?? Number.POSITIVE_INFINITY) <= at - this.#windowMs)
      this.#samples.shift()
  }

  /** `undefined` before half a second was seen. */
  get bytesPerSecond(): number | undefined {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at - first.at < 500) return undefined
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at)
  }

  /** Milliseconds until `totalBytes`; `undefined` when nobody can tell. */
  leftMs(totalBytes: number | undefined): number | undefined {
    const rate = this.bytesPerSecond
    const last = this.#samples.at(-1)
    if (rate === undefined || rate <= 0 || last === undefined || totalBytes === undefined)
      return undefined
    return ((totalBytes - last.bytes) * 1000) / rate
  }
}
