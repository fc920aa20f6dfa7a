import {
  countersignStatement,
  decodeProposal,
  encodeStatementFrame,
  HanseError,
  type ProposeFrame,
  type Signer,
  type SigningContext,
  STATEMENT_PROTOCOL,
  type StatementAnswer,
  statement,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { Network } from '../network/index.ts'
import type { StatementStore } from '../store/statement-store.ts'
import { firstFrame } from './statement-desk.ts'

export interface CountersignOptions {
  readonly context: SigningContext & { readonly signer: Signer }
  readonly store: StatementStore
  readonly now: () => number
  readonly log: FastifyBaseLogger
}

/** A provider that opens a stream has its proposal ready. */
const PROPOSAL_MS = 10_000
/** Proposals of one provider at once: it waits for the answer to each. */
const PROPOSALS_MAX = 4
/** The provider tells settlement, since it is the one who is paid; this node a little later, to know that it is booked. */
const TELL_AFTER_MS = 2_000

/** Answers providers that propose Statements: signs what this node remembers of its sessions, and nothing else. */
export async function serveStatements(
  network: Pick<Network, 'handle'>,
  options: CountersignOptions,
): Promise<void> {
  await network.handle(
    STATEMENT_PROTOCOL,
    async (frames, remotePeer) => {
      const bytes = await firstFrame(frames, AbortSignal.timeout(PROPOSAL_MS))
      if (bytes === undefined) return
      frames.write(encodeStatementFrame(answerTo(bytes, remotePeer, options)))
      await frames.end()
    },
    { maxInboundStreams: PROPOSALS_MAX },
  )
}

function answerTo(
  bytes: Uint8Array,
  remotePeer: string,
  { context, store, now, log }: CountersignOptions,
): StatementAnswer {
  let sequence = 0n
  try {
    const proposal = decodeProposal(bytes)
    sequence = sequenceOf(proposal, remotePeer)
    const { statement: signed, answer } = countersignStatement(context, proposal, {
      session: (order) => store.stated(order),
      last: (value) => store.last(value),
    })
    // Keep, then answer: after a crash between the two this node still knows what it signed.
    store.sign('consumer', signed, signed.lines, now() + TELL_AFTER_MS)
    return answer
  } catch (error) {
    if (!(error instanceof HanseError)) throw error
    log.warn({ provider: remotePeer, code: error.code }, `statement refused: ${error.message}`)
    return { t: 'refuse', sequence, code: error.code }
  }
}

function sequenceOf(proposal: ProposeFrame, remotePeer: string): bigint {
  const { provider, sequence } = statement.decode(proposal.statement.bytes)
  if (provider === remotePeer) return sequence
  throw new HanseError('HANSE_FORBIDDEN', 'the statement is of another provider than the one here')
}
