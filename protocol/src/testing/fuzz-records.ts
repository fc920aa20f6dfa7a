import fc from 'fast-check'
import { settlementProof } from '../audit/settlement-proof.ts'
import { makeLogKey, makeSettlement, SESSION } from '../audit/testdata/settled.ts'
import { verifySettlementProof } from '../audit/verify-settlement-proof.ts'
import { publicKeyOfPeer } from '../identity/peer-id.ts'
import { parsePrice } from '../money.ts'
import { readCar, writeCar } from '../receipt/car.ts'
import { verifyBundle } from '../receipt/verify-bundle.ts'
import { openSigned, signedRecordSchema } from '../record/signed.ts'
import {
  decodeConsumerFrame,
  decodeFrame,
  decodeProviderFrame,
  encodeFrame,
} from '../session/frames.ts'
import { shownText } from '../session/plausibility.ts'
import { decodeProposal, decodeStatementAnswer, encodeStatementFrame } from '../statement/frames.ts'
import { decodeLine, encodeLine } from '../statement/line.ts'
import { decodeCanonical, encodeCanonical, utf8 } from '../wire.ts'
import { makeBundle, TRUST } from './fixtures.ts'
import { encoded, like, mutated, varied } from './fuzz-mutations.ts'
import {
  answerSamples,
  consumerSamples,
  type FuzzedType,
  lineSample,
  proposalSample,
  providerSamples,
  recordSamples,
} from './fuzz-samples.ts'
import { mustBeSame, mustHold, type Target, unlessRefused } from './fuzz-target.ts'

const BYTES_MAX = 1 << 20

/** Decoders of records, frames and bundles. */
export const recordTargets: readonly Target[] = [
  {
    name: 'cbor',
    cost: 'cheap',
    inputs: fc.oneof(
      like({ a: [1, 2n ** 60n, -5], é: null, b: new Uint8Array(3) }, recordSamples()[0]?.fields),
      fc.uint8Array({ maxLength: 64 }),
    ),
    run: (input) => {
      const value = unlessRefused(() => [decodeCanonical(input, BYTES_MAX)])
      if (value !== undefined) mustBeSame(input, encodeCanonical(value[0]))
    },
  },
  ...recordSamples().map(recordTarget),
  {
    name: 'signed-records',
    cost: 'signed',
    inputs: signedInputs(),
    run: (input) => {
      const signed = unlessRefused(() => decodeFrame(signedRecordSchema, input))
      if (signed === undefined) return
      for (const { type, signers } of recordSamples()) {
        unlessRefused(() => openSigned({ network: 'test' }, type, signed, () => signers))
      }
    },
  },
  frameTarget('consumer-frames', consumerSamples(), (input) =>
    encodeFrame(decodeConsumerFrame(input)),
  ),
  frameTarget('provider-frames', providerSamples(), (input) =>
    encodeFrame(decodeProviderFrame(input)),
  ),
  frameTarget('statement-proposals', [proposalSample()], (input) =>
    encodeStatementFrame(decodeProposal(input)),
  ),
  frameTarget('statement-answers', answerSamples(), (input) =>
    encodeStatementFrame(decodeStatementAnswer(input)),
  ),
  frameTarget('statement-lines', [lineSample()], (input) => encodeLine(decodeLine(input))),
  {
    name: 'bundles',
    cost: 'session',
    inputs: mutated(
      fc.constantFrom(makeBundle(), makeBundle({ settlement: makeSettlement('statement', 3) })),
    ),
    run: (input) => {
      const { verified, checks } = verifyBundle(input, TRUST)
      const failed = checks.filter(({ status }) => status === 'failed')
      mustHold(
        verified === (failed.length === 0) && failed.length <= 1,
        'checks and verdict differ',
      )
      mustHold(!checks.some(({ detail }) => detail.includes('HANSE_INTERNAL')), 'a hidden fault')
      const file = unlessRefused(() => readCar(input))
      if (file !== undefined) mustBeSame(input, writeCar(file))
    },
  },
  {
    name: 'settlement-proofs',
    cost: 'signed',
    inputs: fc.oneof(
      ...(['receipt', 'statement'] as const).flatMap((by) => {
        const { proof } = makeSettlement(by, 3)
        return [
          mutated(fc.constant(proof)),
          like({ ...settlementProof.decode(proof), $type: settlementProof.type }),
        ]
      }),
    ),
    run: (input) => {
      const trust = { network: TRUST.network, key: makeLogKey() }
      const verified = unlessRefused(() => verifySettlementProof(input, SESSION, trust))
      if (verified === undefined) return
      mustHold(verified.index === 4n, 'settled by another entry')
      const { statement } = settlementProof.decode(input)
      mustHold(statement === null || statement.index === 1, 'settled by another line')
    },
  },
  {
    name: 'peer-ids',
    cost: 'cheap',
    inputs: mutated(fc.constantFrom(...['0.20 EUR/Mtok', '1', TRUST.attestors[0] ?? ''].map(utf8))),
    run: (input) => {
      const text = String.fromCharCode(...input.subarray(0, 4096))
      unlessRefused(() => publicKeyOfPeer(text))
      unlessRefused(() => parsePrice(text))
    },
  },
  {
    name: 'engine-chunks',
    cost: 'cheap',
    inputs: mutated(
      fc.constantFrom(
        utf8(
          '{"choices":[{"delta":{"content":"x","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}',
        ),
        utf8('{"choices":[{"text":"x"},{"delta":{"reasoning":"y","function_call":{"name":"g"}}}]}'),
      ),
    ),
    run: (input) => {
      mustHold(shownText(input).length <= input.byteLength, 'more text than there are bytes')
    },
  },
]

function recordTarget({ name, type, fields }: FuzzedType): Target {
  return {
    name,
    cost: 'cheap',
    inputs: like({ ...fields, $type: type.type }),
    run: (input) => {
      const value = unlessRefused(() => type.decode(input))
      if (value !== undefined) mustBeSame(input, type.encode(value))
    },
  }
}

function frameTarget(
  name: string,
  samples: readonly unknown[],
  decodeAndEncode: (input: Uint8Array) => Uint8Array,
): Target {
  return {
    name,
    cost: 'cheap',
    inputs: like(...samples),
    run: (input) => {
      const again = unlessRefused(() => decodeAndEncode(input))
      if (again !== undefined) mustBeSame(input, again)
    },
  }
}

/** Right records under right and other signatures, and others under theirs. */
function signedInputs(): fc.Arbitrary<Uint8Array> {
  const signed = recordSamples().map(({ bytes, signatures }) => ({ bytes, signatures }))
  return encoded(fc.oneof(...signed.map(varied), fc.constantFrom(...signed)))
}
