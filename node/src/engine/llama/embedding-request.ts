import type { EngineRequest } from '../engine.ts'
import { parseChatBody } from '../openai-request.ts'
import { refused } from './llama-sampling.ts'

export interface LlamaEmbeddingRequest {
  readonly inputs: readonly string[]
  readonly encoding: 'float' | 'base64'
  /** What the client expects of each vector; it must be what the model makes. */
  readonly dimensions: number | undefined
}

/** OpenAI's own limit. */
const INPUTS_MAX = 2048

/** @throws {EngineError} HANSE_ENGINE_REFUSED for what the built-in engine cannot do. */
export function parseEmbeddingRequest(request: EngineRequest): LlamaEmbeddingRequest {
  const { input, encoding_format: encoding, dimensions } = parseChatBody(request.body)
  if (dimensions !== undefined && dimensions !== null && typeof dimensions !== 'number')
    throw refused('dimensions must be a number')
  return {
    inputs: inputsOf(input),
    encoding: encodingOf(encoding),
    dimensions: dimensions ?? undefined,
  }
}

function inputsOf(input: unknown): string[] {
  const inputs: unknown[] = Array.isArray(input) ? input : [input]
  if (inputs.length === 0 || inputs.length > INPUTS_MAX)
    throw refused(`input must be text, or a list of 1 to ${INPUTS_MAX} texts`)
  return inputs.map((text) => {
    if (typeof text !== 'string' || text === '')
      throw refused('input must be text, or a list of texts, none of them empty')
    return text
  })
}

function encodingOf(encoding: unknown): 'float' | 'base64' {
  if (encoding === undefined || encoding === null || encoding === 'float') return 'float'
  if (encoding === 'base64') return 'base64'
  throw refused('encoding_format must be float or base64')
}

/** The vector as OpenAI writes it, and of length one as theirs are. */
export function encodedVector(
  vector: readonly number[],
  encoding: 'float' | 'base64',
): number[] | string {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  const unit = vector.map((value) => Math.fround(length === 0 ? 0 : value / length))
  // Nine digits tell 32 bits exactly.
  if (encoding === 'float') return unit.map((value) => Number(value.toPrecision(9)))
  const bytes = Buffer.alloc(unit.length * 4)
  for (const [index, value] of unit.entries()) bytes.writeFloatLE(value, index * 4)
  return bytes.toString('base64')
}
