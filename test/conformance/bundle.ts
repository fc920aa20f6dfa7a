import { isEqual, join, readVarint, varint } from './bytes.ts'
import { read, write } from './cbor.ts'
import { type Attempt, fail, type Parts, type Status, type Trust } from './checks.ts'
import { isRecordLink, Link, linkOf } from './cid.ts'
import { openRecord, readRecord, type Signed, signatureOf } from './records.ts'
import { checkSession } from './session.ts'

/** The checks of docs/protocol.md, in their order, up to the first that fails. */
export function checkBundle(bytes: Uint8Array, trust: Trust): Record<string, Status> {
  const statuses: Record<string, Status> = {}
  const attempt: Attempt = (id, run) => {
    let isProved = true
    statuses[id] = 'failed'
    const result = run(() => {
      isProved = false
    })
    statuses[id] = isProved ? 'ok' : 'unproved'
    return result
  }
  try {
    const car = attempt('file', () => readCar(bytes))
    const manifest = attempt('manifest', () => readManifest(car))
    attempt('network', () => {
      if (trust.network !== undefined && trust.network !== manifest.network) fail('another network')
    })
    checkSession(partsOf(manifest), trust, attempt)
  } catch (error) {
    if (!Object.values(statuses).includes('failed')) throw error
  }
  return statuses
}

interface Block {
  readonly name: Link
  readonly bytes: Uint8Array
}

interface Car {
  readonly root: Link
  readonly blocks: readonly Block[]
}

interface Manifest {
  readonly network: string
  readonly records: readonly (Signed & { readonly kind: string })[]
}

/** CARv1: a header, then blocks, each behind its length; the one form with one root and true names. */
export function readCar(bytes: Uint8Array): Car {
  const [header, ...rest] = sections(bytes)
  if (header === undefined) return fail('no header')
  const blocks = rest.map((section) => ({
    name: new Link(section.subarray(0, NAME_BYTES)),
    bytes: section.subarray(NAME_BYTES),
  }))
  const isTrue = blocks.every(
    ({ name, bytes: block }) => isRecordLink(name) && linkOf(block).equals(name),
  )
  if (!isTrue) fail('a block of another name')
  const root = rootOf(header)
  if (!isEqual(writeCar(root, blocks), bytes)) fail('another form')
  return { root, blocks }
}

export function writeCar(root: Link, blocks: readonly Block[]): Uint8Array {
  const header = write(
    new Map<string, readonly Link[] | bigint>([
      ['roots', [root]],
      ['version', 1n],
    ]),
  )
  const parts = [header, ...blocks.map(({ name, bytes }) => join(name.bytes, bytes))]
  return join(...parts.flatMap((part) => [varint(part.length), part]))
}

const NAME_BYTES = 36

function sections(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const head = readVarint(bytes, at)
    if (head === undefined || head[1] + head[0] > bytes.length)
      return fail('a length beyond the end')
    found.push(bytes.subarray(head[1], head[1] + head[0]))
    at = head[1] + head[0]
  }
  return found
}

function rootOf(header: Uint8Array): Link {
  const value = read(header)
  if (!(value instanceof Map) || value.size !== 2) return fail('no header')
  const [roots, version]: unknown[] = [value.get('roots'), value.get('version')]
  const [root, other]: unknown[] = Array.isArray(roots) ? roots : []
  return version === 1n && root instanceof Link && other === undefined
    ? root
    : fail('another header')
}

function readManifest({ root, blocks: [head, ...rest] }: Car): Manifest {
  if (head === undefined || !head.name.equals(root)) return fail('no manifest')
  const { fields } = readRecord('hanse.bundle.v1', head.bytes)
  const entries = fields.maps('records')
  if (entries.length !== rest.length) fail('records missing, or too many')
  return {
    network: fields.text('network'),
    records: entries.map((entry, i) => {
      const block = rest[i]
      if (block === undefined || !entry.link('cid').equals(block.name))
        return fail('another record')
      const signatures = entry.maps('signatures').map(signatureOf)
      return { kind: entry.text('kind'), bytes: block.bytes, signatures }
    }),
  }
}

function partsOf({ network, records }: Manifest): Parts {
  const all = (kind: string) => records.filter((record) => record.kind === kind)
  return {
    network,
    all,
    one: (kind) => {
      const [first, second] = all(kind)
      return first === undefined || second !== undefined ? fail(`not one ${kind}`) : first
    },
    open: (type, signed, signers) => openRecord(network, type, signed, signers),
  }
}
