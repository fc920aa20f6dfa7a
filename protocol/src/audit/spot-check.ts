import { z } from 'zod'
import { cid, counter, modelId, peerId, smallInt, timestamp, word } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'

/** The divergence of answers that have nothing in common, in parts of a million. */
export const DIVERGENCE_MAX = 1_000_000

const answer = z.strictObject({
  provider: peerId,
  order: cid,
  /** The final one, that both sides signed: its transcript commits to the answer. */
  receipt: cid,
})

/**
 * The same request, answered by two providers that offer the same weights, compared by the consumer that asked both; signed
 * in the role `consumer`. It says how far they differ and not which one is wrong.
 */
export const spotCheck = defineRecord(
  'hanse.spot-check.v1',
  {
    consumer: peerId,
    model: modelId,
    /** `sha256:…` of the weights, as both offers have it. */
    digest: word(96),
    /** Both Acceptances name the same engine, weights and seed, which makes every difference one provider's fault. */
    promised: z.boolean(),
    first: answer,
    second: answer,
    /** Of the longer text, in UTF-8. */
    bytes: counter,
    /** That agree, from the beginning. */
    agreed: counter,
    /** 0 for the same text, up to `DIVERGENCE_MAX`. */
    divergence: smallInt(DIVERGENCE_MAX),
    at: timestamp,
  },
  {
    check: ({ first, second, bytes, agreed, divergence }) => {
      if (first.provider === second.provider) return 'one provider cannot be compared with itself'
      if (agreed > bytes) return 'more bytes agree than there are'
      return (divergence === 0) === (agreed === bytes)
        ? undefined
        : 'texts diverge exactly when they are not the same'
    },
  },
)
export type SpotCheck = ReturnType<typeof spotCheck.decode>
export const spotCheckSigners = (value: SpotCheck) =>
  [{ signer: value.consumer, role: 'consumer' }] as const
