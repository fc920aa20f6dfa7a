import { HanseError } from '@hanse/protocol'

/** What a model takes in memory, once for the weights, and by how long its contexts are. */
export interface MemoryNeed {
  readonly weightsBytes: number
  /** Longest first, at least one; further ones are what may be taken when that does not fit. */
  readonly contexts: readonly ContextNeed[]
}

export interface ContextNeed {
  /** Tokens of each slot. */
  readonly length: number
  /** Of all slots. */
  readonly bytes: number
}

export interface MemoryPlan {
  readonly contextLength: number
  readonly bytes: number
}

/** What the worker process itself takes: Node, the library, and its buffers (150 MiB measured). */
const PROCESS_BYTES = 192 * 2 ** 20

/** Left alone, for the daemon and whatever else runs on the machine. */
const RESERVE_BYTES = 256 * 2 ** 20

/** The longest contexts that fit; `undefined` when none does. */
export function planMemory(need: MemoryNeed, availableBytes: number): MemoryPlan | undefined {
  return need.contexts
    .map(({ length, bytes }) => ({
      contextLength: length,
      bytes: need.weightsBytes + bytes + PROCESS_BYTES,
    }))
    .find(({ bytes }) => bytes + RESERVE_BYTES <= availableBytes)
}

/** Says what is missing for even the shortest contexts. */
export function memoryError(id: string, need: MemoryNeed, availableBytes: number): HanseError {
  const least = need.contexts.at(-1)
  const bytes = need.weightsBytes + (least?.bytes ?? 0) + PROCESS_BYTES + RESERVE_BYTES
  const context = `${gib(least?.bytes ?? 0)} for contexts of ${least?.length ?? 0} tokens`
  return new HanseError(
    'HANSE_MODEL_MEMORY',
    `${id} needs ${gib(bytes)} of memory (${gib(need.weightsBytes)} for its weights, ${context}); ` +
      `${gib(availableBytes)} are available. Free memory, lower context-length or slots, ` +
      'or choose a smaller model or quantization',
  )
}

/** Lengths to try: the wanted one, then half of it, and so on. */
export function contextLengths(longest: number, least: number): number[] {
  const lengths = [longest]
  for (let length = longest / 2; length >= least; length /= 2) lengths.push(Math.floor(length))
  return lengths
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 2 : 1)} GiB`
