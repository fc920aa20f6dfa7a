/** Numbers in [0, 1) from a source of random bytes, which is asked seldom. */
export function fractions(random: (bytes: number) => Uint8Array): () => number {
  let words = new Uint32Array()
  let next = 0
  return () => {
    if (next === words.length) {
      words = new Uint32Array(new Uint8Array(random(WORDS * 4)).buffer)
      next = 0
    }
    return (words[next++] ?? 0) / 2 ** 32
  }
}

/** Each ranking takes one for each candidate. */
const WORDS = 64
