import { parentPort, workerData } from 'node:worker_threads'
import { bookReceipts } from '../receipts/ingest.ts'
import { bookStatements } from '../receipts/ingest-statements.ts'
import { OpenedRecords } from '../receipts/opened-records.ts'
import type { VerifyContext } from '../receipts/verify-submission.ts'
import { groupBooker } from './booker.ts'
import { batchFault, type ThreadReply, type ThreadRequest, type ThreadSetup } from './messages.ts'
import { openPostingStore } from './posting-store.ts'
import { VERIFIERS } from './verify-batch.ts'

// A thread that verifies batches, and books them where it can: signatures take most of the time of an ingest, and the API's
// thread has others to answer.

const { network, settlement, receiptGraceMs, databaseUrl } = workerData as ThreadSetup
const policy = { settlement, trustedAttestors: [settlement] }
const records = new OpenedRecords(network)
/** The clock is the API's thread's: the latest that was told. */
let latest = 0
const booker =
  databaseUrl === null
    ? undefined
    : groupBooker(openPostingStore(databaseUrl), policy, () => latest)
/** One batch is verified at a time; meanwhile those before it are posted. */
let verifying: Promise<unknown> = Promise.resolve()

parentPort?.on('message', (request: ThreadRequest) => void answer(request))

async function answer(request: ThreadRequest): Promise<void> {
  const { id, kind, body, now } = request
  latest = Math.max(latest, now)
  try {
    const context = { network, ...policy, receiptGraceMs, now, records }
    reply({ id, value: await (kind === 'receipts' ? receipts : statements)(body, context) })
  } catch (error) {
    reply({ id, fault: batchFault(error) })
  }
}

async function receipts(body: Uint8Array, context: VerifyContext): Promise<unknown> {
  const verified = await inTurn(() => VERIFIERS.receipts(body, context))
  return booker === undefined ? verified : bookReceipts(verified, booker.receipts)
}

async function statements(body: Uint8Array, context: VerifyContext): Promise<unknown> {
  const verified = await inTurn(() => VERIFIERS.statements(body, context))
  return booker === undefined ? verified : bookStatements(verified, booker.statements)
}

function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const turn = verifying.then(work)
  verifying = turn.catch(() => undefined)
  return turn
}

function reply(message: ThreadReply): void {
  parentPort?.postMessage(message)
}
