import { describe, expect, test } from 'vitest'
import { openSigned, signRecord } from '../record/signed.ts'
import {
  consumer,
  context,
  makeAuthorization,
  makeDeletionConfirmation,
  makeDeletionRequest,
  NOW,
  provider,
  settlement,
} from '../testing/fixtures.ts'
import {
  DELETION_AUTHORIZATIONS_MAX,
  DELETION_CLASSES,
  DELETION_CONSUMERS_MAX,
  DELETION_REASONS,
  deletionConfirmation,
  deletionConfirmationSigners,
  deletionRequest,
  deletionRequestSigners,
  isDeletionComplete,
} from './deletion.ts'

const refused = (code: string) => expect.objectContaining({ code })

describe('a deletion request', () => {
  test('is settlement’s word, on one network', () => {
    const signed = makeDeletionRequest()
    const open = (network: string, record = signed) =>
      openSigned({ network }, deletionRequest, record, deletionRequestSigners).value
    expect(open(context.network)).toEqual(signed.value)
    expect(() => open('elsewhere')).toThrow(refused('HANSE_SIGNATURE_INVALID'))
    const forged = signRecord(context, deletionRequest, signed.value, 'settlement', provider)
    expect(() => open(context.network, forged)).toThrow(refused('HANSE_SIGNATURE_MISSING'))
    const asAnother = signRecord(context, deletionRequest, signed.value, 'attestor', settlement)
    expect(() => open(context.network, asAnother)).toThrow(refused('HANSE_SIGNATURE_MISSING'))
  })

  test('fits into a record when it is as long as it may be', () => {
    const consumers = Array.from({ length: DELETION_CONSUMERS_MAX }, () => consumer.peerId)
    const { cid } = makeAuthorization()
    const authorizations = Array.from({ length: DELETION_AUTHORIZATIONS_MAX }, () => cid)
    const longest = { ...makeDeletionRequest().value, consumers, authorizations, part: 65_535 }
    expect(deletionRequest.encode(longest).byteLength).toBeLessThanOrEqual(8192)
    expect(() =>
      deletionRequest.encode({ ...longest, authorizations: [...authorizations, cid] }),
    ).toThrow(refused('HANSE_RECORD_FIELDS'))
  })

  test('names something, and leaves time', () => {
    const { value } = makeDeletionRequest()
    for (const wrong of [{ consumers: [], authorizations: [] }, { dueAt: NOW }])
      expect(() => deletionRequest.encode({ ...value, ...wrong })).toThrow(
        refused('HANSE_RECORD_FIELDS'),
      )
  })
})

describe('a deletion confirmation', () => {
  test('is the node’s word, in the role of its side', () => {
    const { value } = makeDeletionConfirmation()
    const open = (role: 'provider' | 'consumer', signer = provider) =>
      openSigned(
        context,
        deletionConfirmation,
        signRecord(context, deletionConfirmation, value, role, signer),
        deletionConfirmationSigners,
      ).value
    expect(open('provider')).toEqual(value)
    expect(() => open('consumer')).toThrow(refused('HANSE_SIGNATURE_MISSING'))
    expect(() => open('provider', consumer)).toThrow(refused('HANSE_SIGNATURE_MISSING'))
  })

  test('fits into a record when everything is kept for every reason', () => {
    const { value } = makeDeletionConfirmation()
    const classes = DELETION_CLASSES.toSorted()
    const count = 2n ** 63n - 1n
    const kept = classes.flatMap((name) =>
      DELETION_REASONS.toSorted().map((reason) => ({ class: name, reason, count, until: 8.64e15 })),
    )
    const erased = classes.map((name) => ({ class: name, count }))
    expect(deletionConfirmation.encode({ ...value, kept, erased }).byteLength).toBeLessThanOrEqual(
      8192,
    )
  })

  test('says each thing once', () => {
    const { value } = makeDeletionConfirmation()
    const [one] = value.erased
    if (one === undefined) throw new Error('nothing erased')
    expect(() => deletionConfirmation.encode({ ...value, erased: [one, one] })).toThrow(
      refused('HANSE_RECORD_FIELDS'),
    )
  })

  test('is complete when nothing only waits', () => {
    const kept = (reason: (typeof DELETION_REASONS)[number]) => ({
      kept: [{ class: 'sessions' as const, reason, count: 1n, until: null }],
    })
    expect(DELETION_REASONS.filter((reason) => isDeletionComplete(kept(reason)))).toEqual([
      'claim',
      'accounting',
      'other-authority',
    ])
    expect(isDeletionComplete({ kept: [] })).toBe(true)
  })
})
