import type { EngineLoad } from '../engine.ts'
import type { OpenAiProgram } from './programs.ts'

/** The gauges of a program that tell how busy it is. Versions differ in some names; the first that is there counts. */
interface LoadGauges {
  readonly running: readonly string[]
  readonly waiting: readonly string[]
  readonly cacheUsed: readonly string[]
}

const GAUGES: Partial<Record<OpenAiProgram, LoadGauges>> = {
  vllm: {
    running: ['vllm:num_requests_running'],
    waiting: ['vllm:num_requests_waiting'],
    cacheUsed: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
  },
  // Only when it is started with --metrics.
  'llama.cpp': {
    running: ['llamacpp:requests_processing'],
    waiting: ['llamacpp:requests_deferred'],
    cacheUsed: ['llamacpp:kv_cache_usage_ratio'],
  },
  tgi: { running: ['tgi_batch_current_size'], waiting: ['tgi_queue_size'], cacheUsed: [] },
}

export function tellsLoad(program: OpenAiProgram): boolean {
  return GAUGES[program] !== undefined
}

/** How busy an engine is, by its metrics in Prometheus' text format; `undefined` when they do not tell. */
export function loadOf(program: OpenAiProgram, metrics: string): EngineLoad | undefined {
  const gauges = GAUGES[program]
  if (gauges === undefined) return undefined
  const samples = samplesOf(metrics)
  const first = (names: readonly string[]): readonly number[] =>
    names.map((name) => samples.get(name) ?? []).find(({ length }) => length > 0) ?? []
  const running = first(gauges.running)
  if (running.length === 0) return undefined
  const cacheUsed = first(gauges.cacheUsed)
  return {
    // One sample for each model, and for each engine of a data-parallel deployment.
    running: sum(running),
    waiting: sum(first(gauges.waiting)),
    ...(cacheUsed.length === 0 ? {} : { cacheUsed: Math.max(...cacheUsed) }),
  }
}

/** Finite samples by name, whatever their labels. */
function samplesOf(metrics: string): Map<string, number[]> {
  const samples = new Map<string, number[]>()
  for (const line of metrics.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)/u.exec(line)
    const value = Number(match?.[2])
    if (match?.[1] === undefined || !Number.isFinite(value)) continue
    const list = samples.get(match[1])
    if (list === undefined) samples.set(match[1], [value])
    else list.push(value)
  }
  return samples
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
