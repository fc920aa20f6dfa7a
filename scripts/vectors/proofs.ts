import {
  cosignerOf,
  decideAddCheckpoint,
  formatAddCheckpoint,
  formatCheckpoint,
  formatProof,
  isQuorumMet,
  openByPolicy,
  openPersonal,
  parsePolicy,
  parseProof,
  proveInclusion,
  rootOfLeaves,
  sealPersonal,
  signCheckpoint,
  verifyProof,
} from '@hanse/protocol'
import { codeOf, signerFrom, toHex } from '@hanse/protocol/testing'
import {
  checkpointAt,
  consistency,
  entries,
  events,
  leaves,
  logSigner,
  SEAL,
  SIZE,
  saltOf,
  tlogProof,
} from './audit.ts'

const witness = cosignerOf('witness.example/w', signerFrom(13))
const second = cosignerOf('witness.example/x', signerFrom(14))
const TIME = 1_793_577_600n

export function proofsFile() {
  return {
    about:
      'A log of salted commitments, and what proves an entry to somebody without a network. `entries` are SHA-256 of ' +
      '"hanse/v1/log-leaf", the salt and SHA-256 of the event; `sealed` is the nonce and NaCl’s secretbox. `proofs` are C2SP ' +
      'tlog-proof files with the entry that they prove and whom the reader trusts; `witness` are C2SP tlog-witness requests ' +
      'to a witness that has cosigned `latest`; `policies` are C2SP tlog-policy.',
    log: { vkey: logSigner.vkey, size: String(SIZE), checkpoint: checkpointAt(SIZE) },
    entries: events.map(({ bytes }, i) => ({
      salt: toHex(saltOf(i)),
      event: toHex(bytes),
      entry: toHex(entries[i] ?? bytes),
      leafHash: toHex(leaves[i] ?? bytes),
    })),
    sealed: sealedData(),
    proofs: proofs(),
    refusedFiles: refusedFiles(),
    witness: {
      name: witness.name,
      seed: 13,
      time: TIME.toString(),
      logKeys: [logSigner.vkey],
      requests: requests(),
    },
    policies: policies(),
    refusedPolicies: refusedPolicies(),
  }
}

function sealedData() {
  const { key, nonce, plaintext } = SEAL
  const bytes = sealPersonal(key, nonce, plaintext)
  const refused = [bytes.subarray(0, -1), bytes.subarray(1), new Uint8Array(24), new Uint8Array(0)]
  return {
    key: toHex(key),
    nonce: toHex(nonce),
    plaintext: toHex(plaintext),
    bytes: toHex(bytes),
    refused: refused.map((other) => {
      expectCode('HANSE_LOG_SEALED', () => openPersonal(key, other))
      return toHex(other)
    }),
  }
}

/** The log's checkpoint with a witness below it. */
function cosigned(size: number): string {
  const root = rootOfLeaves(leaves.slice(0, size))
  const text = formatCheckpoint({ origin: logSigner.name, size: BigInt(size), root })
  return `${checkpointAt(size)}${witness.cosign(text, TIME)}\n`
}

function proofs() {
  const { vkey } = logSigner
  const file = tlogProof(4)
  const other = signCheckpoint(logSigner, { size: BigInt(SIZE), root: new Uint8Array(32) })
  const hashes = proveInclusion(leaves, 4n)
  const written = (changes: object) =>
    formatProof({ index: 4n, hashes, checkpoint: checkpointAt(SIZE), ...changes })
  const cases: [string, string, number, string[], string | null][] = [
    ...entries.map((_, i): [string, string, number, string[], null] => [
      `entry ${i}`,
      tlogProof(i),
      i,
      [],
      null,
    ]),
    ['with something extra', written({ extra: new Uint8Array([1, 2]) }), 4, [], null],
    ['cosigned', tlogProof(4, cosigned(SIZE)), 4, [witness.vkey], null],
    ['a witness is missing', file, 4, [witness.vkey], 'HANSE_LOG_QUORUM'],
    [
      'one of two witnesses',
      tlogProof(4, cosigned(SIZE)),
      4,
      [witness.vkey, second.vkey],
      'HANSE_LOG_QUORUM',
    ],
    ['another entry', file, 3, [], 'HANSE_LOG_PROOF'],
    ['another index', written({ index: 3n }), 4, [], 'HANSE_LOG_PROOF'],
    ['beyond the tree', written({ index: 8n }), 4, [], 'HANSE_LOG_PROOF'],
    ['another root', written({ checkpoint: other }), 4, [], 'HANSE_LOG_PROOF'],
    ['an older tree', written({ checkpoint: checkpointAt(7) }), 4, [], 'HANSE_LOG_PROOF'],
    [
      'nobody signed',
      written({
        checkpoint: `${checkpointAt(SIZE).split('\n\n')[0]}\n\n${witness.cosign('x\n', 1n)}\n`,
      }),
      4,
      [],
      'HANSE_LOG_UNSIGNED',
    ],
  ]
  return cases.map(([why, text, index, witnessKeys, code]) => {
    const entry = entries[index] ?? new Uint8Array()
    expectCode(code, () => verifyProof(text, entry, { logKey: vkey, witnessKeys }))
    return { why, file: text, entry: toHex(entry), logKey: vkey, witnessKeys, code }
  })
}

function refusedFiles() {
  const file = tlogProof(4)
  const files = [
    '',
    file.replace('v1', 'v2'),
    file.replace('index 4', 'index 04'),
    file.replace('index 4', 'index -4'),
    file.replace('index 4', 'Index 4'),
    file.replace('index 4\n', ''),
    file.replace('index 4\n', 'index 4\nextra AQ==\n'),
    file.replace('index 4\n', 'extra AQ=\nindex 4\n'),
    file.replace('index 4\n', 'index 4\nAAAA\n'),
    file.replace('\n\n', '\n'),
    file.replaceAll('\n', '\r\n'),
    file.split('\n\n')[0] ?? '',
    `${file.split('\n\n')[0] ?? ''}\n\n`,
  ]
  return files.map((text) => {
    expectCode('HANSE_LOG_PROOF_FORMAT', () => parseProof(text))
    return text
  })
}

function requests() {
  const at5 = cosigned(5)
  const body = (oldSize: number, size: number, proof = consistency(oldSize, size)) =>
    formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint: checkpointAt(size) })
  const fork = signCheckpoint(logSigner, { size: 5n, root: new Uint8Array(32) })
  const lie = signCheckpoint(logSigner, { size: 8n, root: new Uint8Array(32) })
  const moved = body(5, 8).replaceAll(logSigner.name, 'log.hanse.example/nobody')
  const cases: [string, string | null, string, number][] = [
    ['the first', null, body(0, 5, []), 200],
    ['it has grown', at5, body(5, 8), 200],
    ['the same again', at5, body(5, 5, []), 200],
    ['from another size', at5, body(3, 8), 409],
    ['as if it were the first', at5, body(0, 8, []), 409],
    [
      'older than what is known',
      at5,
      formatAddCheckpoint({ oldSize: 5n, proof: [], checkpoint: checkpointAt(3) }),
      400,
    ],
    ['a proof that leads elsewhere', at5, body(5, 8, consistency(4, 8)), 422],
    [
      'two trees of one size',
      at5,
      formatAddCheckpoint({ oldSize: 5n, proof: [], checkpoint: fork }),
      422,
    ],
    [
      'another history',
      at5,
      formatAddCheckpoint({ oldSize: 5n, proof: consistency(5, 8), checkpoint: lie }),
      422,
    ],
    ['a log that it does not know', at5, moved, 404],
    ['a checkpoint that its log did not sign', at5, body(5, 8).replace(/\n8\n/u, '\n9\n'), 403],
    ['no old size', at5, body(5, 8).replace('old 5\n', ''), 400],
    ['nothing', at5, '', 400],
  ]
  const context = { logKeys: [logSigner.vkey], cosigner: witness, nowSeconds: TIME }
  return cases.map(([why, latest, text, status]) => {
    const decision = decideAddCheckpoint(context, latest ?? undefined, text)
    if (decision.status !== status) throw new Error(`${why}: ${decision.status}, not ${status}`)
    return {
      why,
      latest,
      body: text,
      status,
      answer: status === 200 || status === 409 ? decision.body : null,
    }
  })
}

const POLICY = `# Two witnesses, of which one is enough.
log ${logSigner.vkey} https://log.hanse.example/
witness w ${witness.vkey}
witness\tx  ${second.vkey} https://witness.example/
group g 1 w x
quorum g
`

function policies() {
  const texts = [
    POLICY,
    POLICY.replace('group g 1', 'group g all'),
    POLICY.replace('quorum g', 'quorum none'),
  ]
  return texts.map((text) => {
    const policy = parsePolicy(text)
    const notes = [checkpointAt(SIZE), cosigned(SIZE)]
    isQuorumMet(policy, [])
    return {
      text,
      logs: policy.logs.map(({ vkey }) => vkey),
      witnesses: policy.witnesses.map(({ name, vkey }) => ({ name, vkey })),
      groups: policy.groups,
      quorum: policy.quorum,
      notes: notes.map((note) => {
        const code = codeOf(() => openByPolicy(note, policy))
        return { note, code: code === 'accepted' ? null : code }
      }),
    }
  })
}

function refusedPolicies() {
  const texts = [
    '',
    POLICY.replace('quorum g\n', ''),
    POLICY.replace('quorum g', 'quorum h'),
    `${POLICY}quorum w\n`,
    POLICY.replace('group g 1 w x', 'group g 3 w x'),
    POLICY.replace('group g 1 w x', 'group g 0 w x'),
    POLICY.replace('group g 1 w x', 'group g 1 w w'),
    POLICY.replace('group g 1 w x', 'group g any'),
    POLICY.replace('group g 1 w x', 'group w 1 x'),
    POLICY.replace('witness w', 'witness none'),
    POLICY.replace(second.vkey, witness.vkey),
    POLICY.replace(witness.vkey, logSigner.vkey),
    `${POLICY}unknown line\n`,
    POLICY.replace('# Two', '# \u0007Two'),
  ]
  return texts.map((text) => {
    expectCode('HANSE_LOG_POLICY', () => parsePolicy(text))
    return text
  })
}

function expectCode(code: string | null, run: () => unknown): void {
  const got = codeOf(run)
  if (got !== (code ?? 'accepted')) throw new Error(`${got}, not ${code ?? 'accepted'}`)
}
