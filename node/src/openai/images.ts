import { encodeJson, isJsonObject, type JsonObject, parseJsonObject } from '../engine/json.ts'
import { FieldError } from './field-error.ts'
import { editMembers } from './json-members.ts'
import type { OpenAiRequest } from './request.ts'

/** Fetches an image for a request, and says it as a `data:` URL. */
export interface ImageSource {
  /** @throws {Error} whose message says why not, and may be shown to the client */
  fetch(url: string, signal: AbortSignal): Promise<string>
}

/** As many as a request may point at. */
const LINKS_MAX = 16

/**
 * Puts the images that a request points at into the request, so that no provider has to fetch an address for a stranger,
 * or learns what this node can reach. The messages are printed anew then; everything else keeps its bytes.
 *
 * @throws {FieldError} that names the image: not https, not to be had, or fetching is not enabled
 */
export async function inlineImages(
  request: OpenAiRequest,
  source: ImageSource | undefined,
  signal: AbortSignal,
): Promise<OpenAiRequest> {
  const { links, body } = request
  const [first] = links
  if (first === undefined) return request
  if (source === undefined) {
    const message = 'images are not fetched here: send the image as a data: URL'
    throw new FieldError(first.param, message)
  }
  if (links.length > LINKS_MAX)
    throw new FieldError(first.param, `at most ${LINKS_MAX} images are fetched for a request`)
  const fetched = new Map<string, string>()
  await Promise.all(
    links.map(async ({ param, url }) => {
      if (!param.endsWith('.image_url') || !/^https:/iu.test(url))
        throw new FieldError(param, 'only images are fetched, by https: send a data: URL')
      const data = await source.fetch(url, signal).catch((error: unknown) => {
        throw new FieldError(param, error instanceof Error ? error.message : 'not to be had')
      })
      fetched.set(url, data)
    }),
  )
  const messages = encodeJson(withImages(parseJsonObject(body)?.messages, fetched))
  const edits = new Map([['messages', messages]])
  return { ...request, links: [], bodies: request.bodies.map((each) => editMembers(each, edits)) }
}

function withImages(messages: unknown, fetched: ReadonlyMap<string, string>): unknown {
  if (!Array.isArray(messages)) return messages
  return messages.map((message: unknown) => {
    if (!isJsonObject(message) || !Array.isArray(message.content)) return message
    const content = message.content.map((part: unknown) =>
      isJsonObject(part) ? withImage(part, fetched) : part,
    )
    return { ...message, content }
  })
}

function withImage(part: JsonObject, fetched: ReadonlyMap<string, string>): JsonObject {
  const image = part.image_url
  const url = isJsonObject(image) ? image.url : image
  const data = typeof url === 'string' ? fetched.get(url) : undefined
  if (data === undefined) return part
  return { ...part, image_url: isJsonObject(image) ? { ...image, url: data } : data }
}
