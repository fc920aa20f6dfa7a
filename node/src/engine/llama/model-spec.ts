import type { EngineModel } from '../engine.ts'
import type { MemoryNeed } from './memory-plan.ts'

export type GpuChoice = 'cpu' | 'auto' | 'cuda' | 'vulkan' | 'metal'

/** A model to run, and how. */
export interface ModelSpec {
  /** The id to offer it under. */
  readonly id: string
  /** A GGUF file. */
  readonly path: string
  /** Answers generated at once. */
  readonly slots: number
  /** Tokens of prompt and answer together; `null` takes what the model was trained for, up to 4096, or what fits. */
  readonly contextLength: number | null
  /** For each answer; `null` lets the size of the model decide. */
  readonly threads: number | null
  readonly gpu: GpuChoice
  /** SHA-256 of the file in hex, when it is known; else it is computed. */
  readonly digest: string | null
  /** Where computed digests are remembered. */
  readonly digestFolder: string | null
}

/** What is known of a model before it is loaded. */
export interface Inspection {
  /** As it will be when it is loaded with the longest contexts. */
  readonly facts: EngineModel
  readonly need: MemoryNeed
  /** Free memory of the GPU, when it runs on one. */
  readonly vramFreeBytes: number
  /** SHA-256 of the file, in hex. */
  readonly digest: string
}
