import { z } from 'zod'
import { cid, counter, peerId, timestamp } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'

/** A link takes 41 bytes of CBOR, a peer id 54, and a record has 8192. */
export const DELETION_AUTHORIZATIONS_MAX = 120
export const DELETION_CONSUMERS_MAX = 40

/** On which side of its sessions a node is asked. */
const side = z.enum(['provider', 'consumer'])

/**
 * Settlement asks a node to erase what it keeps about somebody whose data were erased (GDPR, Articles 17(2) and 19); signed
 * in the role `settlement`. It names sessions by the authorizations that they ran under, and consumers of which nothing is
 * to be left at all; who they were it does not say. What began after `at` is not meant.
 */
export const deletionRequest = defineRecord(
  'hanse.deletion-request.v1',
  {
    settlement: peerId,
    node: peerId,
    side,
    /** Of those that one erasure needs for one node: the first is 0. */
    part: z.int().min(0).max(65_535),
    consumers: z.array(peerId).max(DELETION_CONSUMERS_MAX),
    authorizations: z.array(cid).max(DELETION_AUTHORIZATIONS_MAX),
    at: timestamp,
    /** When the answer is wanted at the latest. */
    dueAt: timestamp,
  },
  {
    bytesMax: 8192,
    check: ({ at, dueAt, consumers, authorizations }) => {
      if (dueAt <= at) return 'dueAt is not after at'
      return consumers.length + authorizations.length === 0 ? 'names nothing' : undefined
    },
  },
)
export type DeletionRequest = ReturnType<typeof deletionRequest.decode>

export const deletionRequestSigners = (value: DeletionRequest) =>
  [{ signer: value.settlement, role: 'settlement' }] as const

/** What a node keeps of a session, by what it is for. */
export const DELETION_CLASSES = [
  /** With whom, when, which model, how it ended. */
  'sessions',
  /** Orders, quotes, acceptances and authorizations as they were signed. */
  'records',
  'receipts',
  'statements',
  /** That settlement has logged a session. */
  'proofs',
  /** What opens commitments, and request bodies where they were kept. */
  'openings',
  /** Which key of a gateway a session was on. */
  'attributions',
  /** What the node's own log says of it; the leaf of the log stays, which says nothing. */
  'log-entries',
  /** Keys that seal somebody's peer id in the node's log. */
  'log-keys',
  /** The node's word that it claims no more under an authorization. */
  'releases',
] as const
export type DeletionClass = (typeof DELETION_CLASSES)[number]

/** Why something is kept. The first two end by themselves, and another confirmation follows. */
export const DELETION_REASONS = [
  /** Settlement has not booked it: it is how the node is paid. */
  'unsettled',
  /** Orders may still come under the authorization; without it they could be taken twice. */
  'open',
  /** Settlement has refused to pay for it (Article 17(3)(e)). */
  'claim',
  /** The node's own accounting (Article 17(3)(b)). */
  'accounting',
  /** Of sessions that are none of this settlement's: under another one's authorization, or under none. */
  'other-authority',
] as const
export type DeletionReason = (typeof DELETION_REASONS)[number]

const PASSING: readonly DeletionReason[] = ['unsettled', 'open']
/** Every class for every reason. */
const KEPT_MAX = DELETION_CLASSES.length * DELETION_REASONS.length

/**
 * What a node has erased on a request, and what it keeps and why; signed by the node in the role of its side. `sequence`
 * counts up from 0 where what it keeps grew less.
 */
export const deletionConfirmation = defineRecord(
  'hanse.deletion-confirmation.v1',
  {
    settlement: peerId,
    node: peerId,
    side,
    request: cid,
    sequence: z.int().min(0).max(65_535),
    /** Since the request came, not since the last confirmation. */
    erased: z
      .array(z.strictObject({ class: z.enum(DELETION_CLASSES), count: counter }))
      .max(DELETION_CLASSES.length),
    kept: z
      .array(
        z.strictObject({
          class: z.enum(DELETION_CLASSES),
          reason: z.enum(DELETION_REASONS),
          count: counter,
          /** Null where no date is known: when settlement has booked it, or when law allows. */
          until: timestamp.nullable(),
        }),
      )
      .max(KEPT_MAX),
    at: timestamp,
  },
  {
    bytesMax: 8192,
    check: ({ erased, kept }) => {
      if (!isSorted(erased.map((one) => one.class))) return 'erased is not in order'
      return isSorted(kept.map((one) => `${one.class} ${one.reason}`))
        ? undefined
        : 'kept is not in order'
    },
  },
)
export type DeletionConfirmation = ReturnType<typeof deletionConfirmation.decode>

export const deletionConfirmationSigners = (value: DeletionConfirmation) =>
  [{ signer: value.node, role: value.side }] as const

/** Whether what is kept stays: nothing of it only waits for its end. */
export const isDeletionComplete = ({ kept }: Pick<DeletionConfirmation, 'kept'>): boolean =>
  kept.every(({ reason }) => !PASSING.includes(reason))

/** One form of one answer: each once, by name. */
const isSorted = (names: readonly string[]): boolean =>
  names.every((name, i) => i === 0 || (names[i - 1] ?? '') < name)
