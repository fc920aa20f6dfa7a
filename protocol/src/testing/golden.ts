import { providerBinding } from '../authorization/authorization.ts'
import { modelKey } from '../market/keys.ts'
import { picoEuro } from '../money.ts'
import { commitPrompt } from '../receipt/commitment.ts'
import type { Named } from '../record/record.ts'
import type { SignedRecord } from '../record/signed.ts'
import { encodeFrame } from '../session/frames.ts'
import { quote, rejection } from '../session/records.ts'
import { cidOf } from '../wire.ts'
import {
  consumer,
  HOUR_MS,
  MODEL,
  makeAcceptance,
  makeAttestation,
  makeAuthorization,
  makeBundle,
  makeOffer,
  makeOrder,
  makeReceipts,
  NOW,
  PROMPT,
  provider,
  SECRET,
  settlement,
  sign,
  toHex,
} from './fixtures.ts'

/**
 * What the wire looks like, from fixed seeds (32 bytes of 1 for the consumer, 2 provider, 3 settlement, 4 attestor) and
 * fixed times. `golden.json` holds it as released; write-golden.ts makes that file again after a wanted change.
 */
export function golden(): Record<string, unknown> {
  const ordered = makeOrder()
  const accepted = makeAcceptance(ordered)
  const [first] = makeReceipts(ordered, accepted)
  if (first === undefined) throw new Error('no receipt')
  const peers = { consumer: consumer.peerId, provider: provider.peerId }
  const records: Record<string, Named<unknown> & SignedRecord> = {
    attestation: makeAttestation(),
    offer: makeOffer(),
    authorization: makeAuthorization(),
    binding: sign(
      providerBinding,
      {
        provider: provider.peerId,
        settlement: settlement.peerId,
        country: 'DE',
        issuedAt: NOW,
        notAfter: NOW + HOUR_MS,
      },
      'provider',
      provider,
    ),
    order: ordered,
    acceptance: accepted,
    quote: sign(
      quote,
      {
        ...peers,
        order: ordered.cid,
        inputPrice: picoEuro(1n),
        outputPrice: picoEuro(2n),
        round: 1,
        notAfter: NOW,
      },
      'provider',
      provider,
    ),
    rejection: sign(
      rejection,
      {
        ...peers,
        order: ordered.cid,
        code: 'HANSE_CAPACITY',
        message: 'busy',
        retryAfterMs: 1000,
        at: NOW,
      },
      'provider',
      provider,
    ),
    receipt: first,
  }
  return {
    network: 'test',
    records: Object.fromEntries(
      Object.entries(records).map(([name, { bytes, cid, signatures }]) => [
        name,
        {
          cid: cid.toString(),
          bytes: toHex(bytes),
          signatures: Object.fromEntries(
            signatures.map(({ role, signer, signature }) => [
              `${role} ${signer}`,
              toHex(signature),
            ]),
          ),
        },
      ]),
    ),
    promptCommitment: toHex(commitPrompt(SECRET, PROMPT)),
    modelKey: modelKey(MODEL, 'EU').toString(),
    deltaFrame: toHex(encodeFrame({ t: 'delta', first: 7n, items: [[1, PROMPT]] })),
    bundleCid: cidOf(makeBundle()).toString(),
  }
}
