import { isErrorCode } from '@hanse/protocol'
import { z } from 'zod'
import type { EngineRequest } from '../engine.ts'
import type { ModelSpec } from './model-spec.ts'

// What the daemon and a model's process say to each other, over the IPC channel of child_process. Both are of one
// release, but the worker runs native code on files from anywhere: the daemon checks all that it hears.

export type ToWorker =
  | { readonly type: 'inspect'; readonly spec: ModelSpec }
  | { readonly type: 'load'; readonly contextLength: number }
  | { readonly type: 'run' | 'count'; readonly id: number; readonly request: EngineRequest }
  /** So many batches of a run were read; see BATCHES_AHEAD. */
  | { readonly type: 'read'; readonly id: number; readonly batches: number }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'ping' }
  | { readonly type: 'close' }

/**
 * Batches of events that a run may have on the way. The channel itself never says stop, so a reader that stands still
 * would fill the memory of both processes.
 */
export const BATCHES_AHEAD = 8

/** Longest text of a fault: a sentence, and what it names. */
const TEXT_MAX = 4096

const text = z.string().max(TEXT_MAX)
const count = z.int().min(0)

const model = z.object({
  id: text,
  contextLength: count,
  digest: text.nullable(),
  quantization: text.nullable(),
  capabilities: z.array(text).max(16),
  sizeBytes: z.number().nullable().exactOptional(),
  parameters: z.number().nullable().exactOptional(),
  slots: count.nullable().exactOptional(),
  reproducible: text.nullable().exactOptional(),
})

const need = z.object({
  weightsBytes: z.number(),
  contexts: z
    .array(z.object({ length: count, bytes: z.number() }))
    .min(1)
    .max(64)
    .readonly(),
})

const inspection = z.object({
  facts: model,
  need,
  vramFreeBytes: z.number(),
  digest: z.string().regex(/^[0-9a-f]{64}$/u),
})

const event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), inputTokens: count.nullable() }),
  z.object({
    type: z.literal('delta'),
    tokens: count,
    payload: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
  }),
  z.object({
    type: z.literal('end'),
    finishReason: text,
    usage: z.object({ inputTokens: count, outputTokens: count, cachedInputTokens: count }),
  }),
])

const engineFault = z.enum([
  'HANSE_ENGINE_UNAVAILABLE',
  'HANSE_ENGINE_REFUSED',
  'HANSE_ENGINE_CONTEXT_LENGTH',
  'HANSE_ENGINE_FAILED',
  'HANSE_ENGINE_MODEL_UNKNOWN',
])

const fromWorker = z.discriminatedUnion('type', [
  z.object({ type: z.literal('inspected'), inspection }),
  z.object({ type: z.literal('progress'), share: z.number().min(0).max(1) }),
  z.object({ type: z.literal('loaded'), facts: model }),
  /** The model cannot be had. */
  z.object({
    type: z.literal('failed'),
    code: z.string().refine(isErrorCode),
    message: text,
  }),
  z.object({ type: z.literal('events'), id: count, events: z.array(event) }),
  z.object({ type: z.literal('done'), id: count }),
  z.object({ type: z.literal('counted'), id: count, tokens: count }),
  z.object({
    type: z.literal('fault'),
    id: count,
    code: engineFault,
    message: text,
    httpStatus: z.number().optional(),
    engineMessage: text.optional(),
  }),
  /** `callMs`: how long llama.cpp has been at one batch. */
  z.object({ type: z.literal('pong'), callMs: z.number() }),
])

export type FromWorker = z.infer<typeof fromWorker>

/** `undefined` for what no worker says. */
export function parseFromWorker(message: unknown): FromWorker | undefined {
  return fromWorker.safeParse(message).data
}

/** A fault's text, cut to what the other side takes. */
export function faultText(message: string): string {
  return message.slice(0, TEXT_MAX)
}
