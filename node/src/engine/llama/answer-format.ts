import type { LlamaGrammar, LlamaModel } from 'node-llama-cpp'
import { isJsonObject, type JsonObject } from '../json.ts'
import { grammarSchemaOf } from './answer-schema.ts'
import { refused } from './llama-sampling.ts'

/** What an answer has to be besides text. */
export type AnswerFormat = 'text' | 'json' | { readonly schema: JsonObject }

/** Of a request's `response_format`: OpenAI's forms, and llama.cpp's `{type: "json_object", schema}`. @throws {EngineError} */
export function answerFormatOf(format: unknown): AnswerFormat {
  if (format === undefined || format === null) return 'text'
  if (!isJsonObject(format)) throw refused('response_format must be an object')
  switch (format.type) {
    case 'text':
      return 'text'
    case 'json_object':
      return isJsonObject(format.schema) ? { schema: format.schema } : 'json'
    case 'json_schema': {
      const { json_schema: named } = format
      if (!isJsonObject(named) || !isJsonObject(named.schema))
        throw refused('response_format.json_schema.schema must be an object')
      return { schema: named.schema }
    }
    default:
      throw refused('response_format.type must be text, json_object or json_schema')
  }
}

/** Lets only such tokens through that keep the answer in its form. @throws {EngineError} for a schema that no grammar keeps */
export async function grammarOf(
  { llama }: Pick<LlamaModel, 'llama'>,
  format: AnswerFormat,
): Promise<LlamaGrammar | undefined> {
  if (format === 'text') return undefined
  if (format === 'json') return await llama.getGrammarFor('json')
  // The library's types derive the answer's from a schema that is known when this is compiled; ours is not.
  const schema = grammarSchemaOf(format.schema)
  try {
    return await llama.createGrammarForJsonSchema(schema as { type: 'object' })
  } catch {
    // As for texts of three thousand characters at least: llama.cpp limits how often a rule may be repeated.
    throw refused('response_format.json_schema.schema is too large for a grammar in this engine')
  }
}
