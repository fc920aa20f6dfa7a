import { isJsonObject, type JsonObject } from '../engine/json.ts'
import { FieldError } from './field-error.ts'

/**
 * Fields of engines by which a stranger could make the machine of a provider do what its owner does not want: run
 * templates or code, load files, fetch addresses, take the place or the cache of others. Servers take them from whoever
 * owns them; on a market nobody does.
 */
const REFUSED: Readonly<Record<string, string>> = {
  chat_template: 'the template is the model’s own',
  kv_transfer_params: 'caches of other servers are not reached from the market',
  mm_processor_kwargs: 'the image processor is set by the provider',
  media_io_kwargs: 'the media reader is set by the provider',
  logits_processors: 'code is not run for strangers',
  custom_logit_processor: 'code is not run for strangers',
  prompt_embeds: 'serialized tensors are not opened for strangers',
  id_slot: 'the provider chooses the slot',
  lora: 'adapters are chosen by the model’s name',
  lora_path: 'adapters are chosen by the model’s name',
}

/** Of `chat_template_kwargs`: the way around `chat_template` in some versions of vLLM. */
const REFUSED_TEMPLATE_FIELDS = ['chat_template', 'tokenize'] as const

/** Content parts that carry what only a server’s owner may hand it. */
const REFUSED_PARTS: ReadonlySet<unknown> = new Set([
  'image_embeds',
  'audio_embeds',
  'prompt_embeds',
])

/** Of a name that a client made up, in a message. */
const FIELD_CHARS_MAX = 32

/** @throws {FieldError} that names the first field that no provider is asked to follow */
export function refuseGuarded(body: JsonObject): void {
  for (const [field, why] of Object.entries(REFUSED))
    if ((body[field] ?? null) !== null) throw new FieldError(field, `not on a market: ${why}`)
  // Zero is the default, and so asks for nothing.
  if ((body.priority ?? 0) !== 0)
    throw new FieldError('priority', 'not on a market: nobody goes before the others')
  const template = body.chat_template_kwargs
  const around = REFUSED_TEMPLATE_FIELDS.find(
    (field) => isJsonObject(template) && Object.hasOwn(template, field),
  )
  if (around !== undefined)
    throw new FieldError(
      `chat_template_kwargs.${around}`,
      'not on a market: the template is the model’s own',
    )
  for (const { part, param } of contentParts(body))
    if (REFUSED_PARTS.has(part.type))
      throw new FieldError(
        param,
        'not on a market: serialized tensors are not opened for strangers',
      )
}

/** Where a request points at media. */
export interface MediaLink {
  /** As `messages.0.content.1.image_url`. */
  readonly param: string
  readonly url: string
}

/**
 * Every address in the messages that an engine would fetch by itself: web addresses, and files of its machine. Data in
 * the request (`data:`) is none.
 */
export function mediaLinks(body: JsonObject): MediaLink[] {
  const links: MediaLink[] = []
  for (const { part, param } of contentParts(body)) {
    for (const [field, value] of Object.entries(part)) {
      if (!field.endsWith('_url')) continue
      const url = isJsonObject(value) ? value.url : value
      if (typeof url === 'string' && !isData(url))
        links.push({ param: `${param}.${field.slice(0, FIELD_CHARS_MAX)}`, url })
    }
  }
  return links
}

/** What engines may not be made to fetch. @throws {FieldError} for any media that is not in the request itself */
export function refuseMediaLinks(body: JsonObject): void {
  const [link] = mediaLinks(body)
  if (link !== undefined)
    throw new FieldError(link.param, 'providers fetch no addresses: send the media as a data: URL')
}

function isData(url: string): boolean {
  return /^data:/iu.test(url)
}

function* contentParts(body: JsonObject): Generator<{ part: JsonObject; param: string }> {
  const messages: unknown[] = Array.isArray(body.messages) ? body.messages : []
  for (const [m, message] of messages.entries()) {
    const content: unknown = isJsonObject(message) ? message.content : undefined
    if (!Array.isArray(content)) continue
    for (const [p, part] of (content as unknown[]).entries())
      if (isJsonObject(part)) yield { part, param: `messages.${m}.content.${p}` }
  }
}
