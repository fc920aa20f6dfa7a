import { EngineError } from '../engine.ts'

/** Ollama's rows of numbers as OpenAI's items; as base64 they are 32-bit floats, little-endian, as OpenAI's clients read. */
export function embeddingItems(rows: readonly unknown[], base64: boolean): object[] {
  return rows.map((row, index) => {
    if (!Array.isArray(row) || !row.every((value) => typeof value === 'number'))
      throw new EngineError('HANSE_ENGINE_FAILED', 'the engine sent an embedding that is none')
    return { object: 'embedding', index, embedding: base64 ? base64Of(row) : row }
  })
}

function base64Of(row: readonly number[]): string {
  const bytes = Buffer.alloc(row.length * 4)
  for (const [index, value] of row.entries()) bytes.writeFloatLE(value, index * 4)
  return bytes.toString('base64')
}
