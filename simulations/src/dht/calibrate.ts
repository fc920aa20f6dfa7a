import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { TableFigures } from './learned.ts'
import { openTestDht, type TableSize, type TestDht } from './real-dht.ts'
import { mean } from './statistics.ts'

export interface CalibrationPlan {
  readonly sizes: readonly number[]
  readonly lookups: number
  readonly rounds: number
  readonly table?: TableSize
}

/** Between rounds: new contacts are pinged before they are taken. */
const SETTLE_MS = 1_500
const MULTIHASH_SHA256 = [0x12, 0x20]

/** Real networks of these sizes in this process, on loopback: what a lookup asks, and how much of the truth it finds. */
export async function calibrate(
  { sizes, lookups, rounds, table }: CalibrationPlan,
  progress: (text: string) => void = () => {},
): Promise<TableFigures[]> {
  const rows: TableFigures[] = []
  for (const peers of sizes) {
    progress(`${peers} nodes${table === undefined ? '' : `, buckets of ${table.kBucketSize}`}`)
    await using network = await openAll(peers, table)
    for (let round = 0; round < rounds; round++) {
      await delay(SETTLE_MS)
      for (const node of network.nodes) await node.refresh()
    }
    await delay(SETTLE_MS)
    rows.push(await measure(network.nodes, lookups, table?.kBucketSize ?? 20))
  }
  return rows
}

/** All dial the same first ones, as nodes dial their bootstraps. */
async function openAll(peers: number, table: TableSize | undefined) {
  const nodes: TestDht[] = []
  const closing = {
    nodes,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(nodes.map(async (node) => await node[Symbol.asyncDispose]()))
    },
  }
  try {
    for (let i = 0; i < peers; i++) {
      const node = await openTestDht(table)
      nodes.push(node)
      for (const bootstrap of nodes.slice(0, Math.min(3, i))) await node.dial(bootstrap.address)
    }
    return closing
  } catch (error) {
    await closing[Symbol.asyncDispose]()
    throw error
  }
}

async function measure(
  nodes: readonly TestDht[],
  lookups: number,
  bucketSize: number,
): Promise<TableFigures> {
  const results: { asked: number; near: number }[] = []
  for (let i = 0; i < lookups; i++) {
    const node = nodes[i % nodes.length] as TestDht
    const key = Uint8Array.from([...MULTIHASH_SHA256, ...randomBytes(32)])
    const place = createHash('sha256').update(key).digest()
    const { asked, closest } = await node.lookUp(key)
    const truth = nodes
      .filter((one) => one !== node)
      .map((one) => one.place)
      .sort((a, b) => Buffer.compare(xor(a, place), xor(b, place)))
      .slice(0, bucketSize)
    results.push({
      asked,
      near: closest.filter((one) => truth.includes(one)).length / truth.length,
    })
  }
  return {
    peers: nodes.length,
    contacts: mean(nodes.map((node) => node.contacts())),
    askedMean: mean(results.map(({ asked }) => asked)),
    nearestFound: mean(results.map(({ near }) => near)),
  }
}

const xor = (place: string, key: Uint8Array): Buffer =>
  Buffer.from(Buffer.from(place, 'hex').map((byte, i) => byte ^ (key[i] as number)))
