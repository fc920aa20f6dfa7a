import { HanseError } from '@hanse/protocol'
import { EngineError, OllamaEngine, ollamaUrl } from '../../engine/index.ts'
import type { ProgressScreen } from './models-progress.ts'

/** As in `ollama:llama3.2:3b`. */
const PREFIX = 'ollama:'
const OLLAMA_URL = 'http://127.0.0.1:11434'

/** The model's name at Ollama; `undefined` for a reference of another kind. */
export function ollamaModel(reference: string): string | undefined {
  return reference.startsWith(PREFIX) ? reference.slice(PREFIX.length).trim() : undefined
}

/**
 * Has the Ollama of this machine fetch a model into its own store, which goes on with what was fetched before.
 *
 * @throws {HanseError} HANSE_MODEL_DOWNLOAD, HANSE_REQUEST_INVALID; the signal's reason
 */
export async function pullIntoOllama(
  model: string,
  screen: ProgressScreen,
  signal: AbortSignal,
): Promise<void> {
  if (!/^[\w.-]+(?:[/:][\w.-]+)*$/u.test(model))
    throw new HanseError('HANSE_REQUEST_INVALID', 'give a model as ollama:llama3.2:3b')
  const url = ollamaUrl(process.env.OLLAMA_HOST) ?? OLLAMA_URL
  await using engine = new OllamaEngine({ url })
  try {
    await engine.pull(
      model,
      ({ status, completedBytes = 0, totalBytes }) =>
        screen.update({
          phase: 'downloading',
          file: status,
          part: 1,
          parts: 1,
          doneBytes: completedBytes,
          totalBytes,
        }),
      signal,
    )
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof EngineError)) throw error
    const why = error.engineMessage ?? error.message
    throw new HanseError('HANSE_MODEL_DOWNLOAD', `Ollama at ${url}: ${why}`, { cause: error })
  }
}
