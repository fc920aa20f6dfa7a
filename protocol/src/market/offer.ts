import { z } from 'zod'
import {
  amount,
  cid,
  counter,
  country,
  modelId,
  peerId,
  smallInt,
  text,
  timestamp,
  word,
} from '../record/fields.ts'
import { defineRecord, RECORD_BYTES_MAX } from '../record/record.ts'

const gpu = z.strictObject({ name: word(64), vramBytes: counter, count: smallInt(1024).min(1) })

const model = z.strictObject({
  id: modelId,
  /** Other names that consumers may ask for. */
  aliases: z.array(word(128)).max(8),
  /** `sha256:…` of the weights, where the engine can tell it. */
  digest: word(96).nullable(),
  quantization: word(32).nullable(),
  /** Tokens of prompt and answer together. */
  contextLength: smallInt(100_000_000).min(1),
  capabilities: z.array(word(32)).max(16),
  /** Pico-euro per token. */
  inputPrice: amount,
  outputPrice: amount,
  maxOutputTokens: smallInt(100_000_000).min(1),
  slots: smallInt(100_000),
  freeSlots: smallInt(100_000),
  /** As the provider measured it; no promise. */
  tokensPerSecond: smallInt(1_000_000).nullable(),
})
export type OfferedModel = z.output<typeof model>

/** What a provider sells, where and for how much; signed in the role `provider`. */
export const offer = defineRecord(
  'hanse.offer.v1',
  {
    provider: peerId,
    /** Rises with every new offer of this provider: the highest wins. */
    sequence: counter,
    issuedAt: timestamp,
    notAfter: timestamp,
    addresses: z.array(text(256)).max(16),
    country,
    attestations: z.array(cid).max(8),
    gpus: z.array(gpu).max(16),
    models: z.array(model).min(1).max(64),
    /** Least remaining limit of an authorization that the provider looks at, in pico-euro. */
    minAuthorization: amount,
    /** What a stranger may owe without any authorization, in pico-euro. */
    unsecuredCredit: amount,
    protocolVersions: z.array(word(32)).min(1).max(8),
  },
  {
    bytesMax: RECORD_BYTES_MAX,
    check: (value) => {
      if (value.issuedAt >= value.notAfter) return 'notAfter is not after issuedAt'
      const names = value.models.flatMap((m) => [m.id, ...m.aliases])
      return new Set(names).size === names.length ? undefined : 'two models share a name'
    },
  },
)
export type Offer = ReturnType<typeof offer.decode>

export const offerSigners = (value: Offer) =>
  [{ signer: value.provider, role: 'provider' }] as const

/** The model that `name` (an id or an alias) means in this offer. */
export function findModel(value: Offer, name: string): OfferedModel | undefined {
  return value.models.find((m) => m.id === name || m.aliases.includes(name))
}
