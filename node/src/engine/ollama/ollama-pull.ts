import { EngineError } from '../engine.ts'
import type { EngineHttp } from '../http/engine-http.ts'
import { readsOf } from '../http/reads.ts'
import { messageOf } from '../http/refusals.ts'
import { countIn } from '../http/token-tally.ts'
import { encodeJson, type JsonObject, stringIn } from '../json.ts'
import { JsonLines } from './json-lines.ts'

export interface PullProgress {
  /** Ollama's own words, such as `pulling 8eeb52dfb3bb` or `verifying sha256 digest`. */
  readonly status: string
  /** Of the layer that is fetched now. */
  readonly completedBytes?: number
  readonly totalBytes?: number
}

/** Checking the hash of 400 GB from a slow disk is silent for about this long. */
const SILENCE_MS = 1_800_000

/** @throws {EngineError} what Ollama says is wrong, or that it stopped without success; also the signal's reason */
export async function pullModel(
  http: EngineHttp,
  root: string,
  model: string,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const either = http.until(signal)
  const response = await http.open({
    method: 'POST',
    url: `${root}/api/pull`,
    signal: either,
    body: encodeJson({ model, stream: true }),
  })
  const lines = new JsonLines()
  let status = ''
  const onLine = (line: JsonObject): void => {
    if ((line.error ?? null) !== null) throw failed('could not pull the model', messageOf(line))
    status = stringIn(line, 'status') ?? status
    const completedBytes = countIn(line, 'completed')
    const totalBytes = countIn(line, 'total')
    onProgress({
      status,
      ...(completedBytes === undefined ? {} : { completedBytes }),
      ...(totalBytes === undefined ? {} : { totalBytes }),
    })
  }
  try {
    for await (const bytes of readsOf(response, SILENCE_MS, () => true))
      for (const line of lines.push(bytes)) onLine(line)
    for (const line of lines.end()) onLine(line)
  } catch (cause) {
    either.throwIfAborted()
    if (cause instanceof EngineError) throw cause
    throw new EngineError('HANSE_ENGINE_FAILED', 'the engine broke off the pull', { cause })
  } finally {
    response.destroy()
  }
  if (status !== 'success') throw failed('stopped before the model was whole')
}

function failed(what: string, engineMessage?: string): EngineError {
  return new EngineError(
    'HANSE_ENGINE_FAILED',
    `the engine ${what}`,
    engineMessage === undefined ? {} : { engineMessage },
  )
}
