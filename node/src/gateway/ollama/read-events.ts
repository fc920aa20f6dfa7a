import { createParser } from 'eventsource-parser'
import { type JsonObject, parseJsonObject } from '../../engine/json.ts'

/** The chunks of an OpenAI stream, all of one read at once. Ends at `[DONE]`, or where the stream ends without it. */
export async function* readChunks(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly JsonObject[]> {
  let chunks: JsonObject[] = []
  const parser = createParser({
    onEvent: ({ data }) => {
      const chunk = data === '[DONE]' ? undefined : parseJsonObject(data)
      if (chunk !== undefined) chunks.push(chunk)
    },
  })
  const decoder = new TextDecoder()
  for await (const piece of stream) {
    parser.feed(decoder.decode(piece, { stream: true }))
    if (chunks.length === 0) continue
    yield chunks
    chunks = []
  }
}
