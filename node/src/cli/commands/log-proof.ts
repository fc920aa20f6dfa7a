import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HanseError, verifyProof } from '@hanse/protocol'
import { Command } from 'commander'
import { logProveSettings } from '../../config/schemas.ts'
import { type ProvedEntry, proveEntry } from '../../log/prove-entry.ts'
import type { LogSource } from '../../log/source.ts'
import { openLogDatabase, SqliteLogStore, storeSource, vkeyOf } from '../../log/sqlite-log-store.ts'
import { urlSource } from '../../log/url.ts'
import { checkKeys, collect, parseCount, policyOf, sourceOf, usage } from '../log-options.ts'
import { paint } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

/** A proof is a checkpoint and at most 64 hashes. */
const PROOF_BYTES_MAX = 2 << 20

export function logProveCommand(): Command {
  return settingsCommand(
    'prove',
    'Print the proof that an entry is in a log (c2sp.org/tlog-proof): of this node’s own one, unless told otherwise.',
    logProveSettings,
    async ({ dataDir, gatewayUrl }, args, flags) => {
      const { dir, url, vkey } = flags as { dir?: string; url?: string; vkey?: string }
      const index = parseIndex(args[0] ?? '')
      if (vkey !== undefined) checkKeys(vkey, [])
      using own = ownLog(dataDir, dir !== undefined || url !== undefined)
      const source = sourceOf(dir, url) ?? own?.source ?? urlSource(`${gatewayUrl}/log`)
      let proved: ProvedEntry
      try {
        proved = await proveEntry(source, index, vkey ?? own?.vkey)
      } catch (error) {
        throw dir === undefined && url === undefined && own === undefined
          ? noOwnLog(dataDir, error)
          : error
      }
      if (flags.json !== true) process.stdout.write(proved.proof)
      else {
        const entryHex = proved.entry && Buffer.from(proved.entry).toString('hex')
        console.log(JSON.stringify({ index: `${index}`, entryHex, proof: proved.proof }))
      }
    },
  )
    .argument('<index>', 'of the entry; the first one is 0')
    .option('--dir <folder>', 'the log in a folder')
    .option('--url <url>', 'the log as it is served below an address')
    .option('--vkey <vkey>', 'verifier key of the log; without it the signature is not looked at')
    .option('--json', 'print JSON: the proof, and the entry in hex where the log has it')
}

export function logCheckProofCommand(): Command {
  return new Command('check-proof')
    .description('Check such a proof, and the entry that it is for, without a network.')
    .argument('<proof>', 'a .tlog-proof file, or - for standard input')
    .requiredOption('--vkey <vkey>', 'verifier key of the log, name+hash+key')
    .option('--entry <file>', 'the entry, as bytes')
    .option('--entry-hex <hex>', 'the entry, in hex')
    .option('--witness <vkey>', 'key of a witness; may be repeated', collect)
    .option('--quorum <n>', 'how many witnesses must have cosigned (default: all)', parseCount)
    .option('--json', 'print the result as JSON')
    .action(async (file: string, flags: CheckFlags) => await checkProof(file, flags))
}

interface CheckFlags {
  readonly vkey: string
  readonly entry?: string
  readonly entryHex?: string
  readonly witness?: readonly string[]
  readonly quorum?: bigint
  readonly json?: boolean
}

async function checkProof(file: string, flags: CheckFlags): Promise<void> {
  const { vkey, witness = [], quorum } = flags
  checkKeys(vkey, witness, quorum)
  const entry = await entryOf(flags)
  const proof = await read(file)
  if (proof.byteLength > PROOF_BYTES_MAX) throw new HanseError('HANSE_LOG_PROOF_FORMAT', 'too long')
  const { index, checkpoint } = verifyProof(proof, entry, {
    policy: policyOf(vkey, witness, quorum),
  })
  const { origin, size, cosignatures } = checkpoint
  if (flags.json === true) {
    const facts = { index: `${index}`, origin, size: `${size}`, cosignatures: cosignatures.length }
    console.log(JSON.stringify({ verified: true, ...facts }))
    return
  }
  const by = cosignatures.length === 0 ? '' : `, cosigned by ${cosignatures.length} witnesses`
  console.log(`${paint('green', 'VERIFIED')} entry ${index} of ${origin} (${size} entries${by})`)
}

async function entryOf({ entry, entryHex }: CheckFlags): Promise<Uint8Array> {
  if ((entry === undefined) === (entryHex === undefined)) {
    throw usage('give the entry as --entry FILE or --entry-hex HEX')
  }
  if (entry !== undefined) return await read(entry)
  const hex = entryHex ?? ''
  if (!/^(?:[0-9a-f]{2})*$/iu.test(hex)) throw usage('--entry-hex is not hex')
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

async function read(file: string): Promise<Uint8Array> {
  try {
    if (file !== '-') return new Uint8Array(await readFile(file))
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    return new Uint8Array(Buffer.concat(chunks))
  } catch (cause) {
    throw usage(`cannot read ${file}: ${cause instanceof Error ? cause.message : ''}`)
  }
}

function parseIndex(text: string): bigint {
  try {
    return parseCount(text)
  } catch {
    throw usage(`${text} is no index: entries are numbered from 0`)
  }
}

function ownLog(
  dataDir: string,
  isElsewhere: boolean,
): (Disposable & { source: LogSource; vkey: string }) | undefined {
  const path = join(dataDir, 'log.db')
  if (isElsewhere || !existsSync(path)) return undefined
  const db = openLogDatabase(path)
  try {
    const source = storeSource(path, new SqliteLogStore(db))
    return { source, vkey: vkeyOf(db, path), [Symbol.dispose]: () => db[Symbol.dispose]() }
  } catch (error) {
    db[Symbol.dispose]()
    throw error
  }
}

function noOwnLog(dataDir: string, cause: unknown): HanseError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new HanseError(
    'HANSE_LOG_TILE_MISSING',
    `no log in ${dataDir}, and none at the gateway (${why}): give --dir, --url or --data-dir`,
    { cause },
  )
}
