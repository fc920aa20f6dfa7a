import { picoEuro } from '@hanse/protocol'
import type { ReachabilityReport } from '../../network/reachability.ts'
import type { ProviderControl, ProviderStatus } from '../../provider/status.ts'

const NOW = Date.UTC(2026, 5, 1, 12, 0, 0)
const GIB = 2 ** 30

/** A busy provider with two GPUs, as tests of what shows it need one. */
export function exampleStatus(changes: Partial<ProviderStatus> = {}): ProviderStatus {
  return {
    peerId: '12D3KooWGRUVh8vSmpcEvSpWmoB8TBA9mXBuVVQSzS6Ve3dEDCpE',
    network: 'mainnet',
    country: 'DE',
    version: '0.1.0',
    now: NOW,
    startedAt: NOW - 93_784_000,
    state: 'serving',
    pausedBy: [],
    addresses: ['/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWGRUVh8vSmpcEvSpWmoB8TBA9mXBuVVQSzS6Ve3dEDCpE'],
    connections: 41,
    reachability: 'direct',
    live: { cid: 'bafyreib', at: NOW - 240_000, peersTold: 20 },
    evidenceLevel: 3,
    evidenceUntil: NOW + 86_400_000,
    models: [
      {
        id: 'qwen/qwen3-8b:q4',
        engine: 'ollama',
        engineModel: 'qwen3:8b',
        slots: 4,
        busy: 2,
        queued: 1,
        inputPrice: picoEuro(50_000n),
        outputPrice: picoEuro(200_000n),
        tokensPerSecond: 61.25,
        state: 'loaded',
      },
      {
        id: '通义/模型-十四亿:q8',
        engine: 'builtin',
        engineModel: 'm',
        slots: 2,
        busy: 0,
        queued: 0,
        inputPrice: picoEuro(10_000n),
        outputPrice: picoEuro(1n),
        tokensPerSecond: null,
        state: 'unloaded',
      },
    ],
    engines: [
      { name: 'ollama', ready: true, message: '' },
      { name: 'builtin', ready: false, message: 'the worker ended; next try in 4 s' },
    ],
    machine: {
      gpus: [
        {
          id: 'nvidia:0',
          vendor: 'nvidia',
          name: 'NVIDIA GeForce RTX 4090',
          vramBytes: 24 * GIB,
          driver: '560.35',
        },
        {
          id: 'nvidia:1',
          vendor: 'nvidia',
          name: 'NVIDIA GeForce RTX 3060',
          vramBytes: 12 * GIB,
          driver: '560.35',
        },
      ],
      memoryBytes: 64 * GIB,
      cpu: 'Ryzen 9',
      cores: 32,
    },
    gpus: [
      {
        id: 'nvidia:0',
        utilization: 0.87,
        temperatureCelsius: 71,
        vramUsedBytes: 18 * GIB,
        powerWatts: 312.4,
        processes: [{ pid: 77, vramBytes: 17 * GIB }],
      },
      {
        id: 'nvidia:1',
        utilization: null,
        temperatureCelsius: null,
        vramUsedBytes: null,
        powerWatts: null,
        processes: [],
      },
    ],
    sessions: [
      {
        session: 'bafyreiaaa',
        consumer: '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X',
        model: 'qwen/qwen3-8b:q4',
        startedAt: NOW - 12_000,
        phase: 'streaming',
        outputTokens: 640,
      },
      {
        session: 'bafyreibbb',
        consumer: '12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3',
        model: 'qwen/qwen3-8b:q4',
        startedAt: NOW - 2_000,
        phase: 'queued',
        outputTokens: 0,
      },
    ],
    totals: {
      sessions: 912,
      completed: 880,
      rejected: { HANSE_CAPACITY: 31, HANSE_ORDER_PRICE: 4 },
      failed: { HANSE_SESSION_CANCELLED: 30 },
      inputTokens: 1_234_567,
      outputTokens: 987_654,
      earned: picoEuro(3_141_592_653_589n),
      tokensPerSecond: 118.4,
    },
    settlement: {
      url: 'https://settlement.example',
      reachable: true,
      payable: true,
      onboardingUrl: undefined,
      unsettled: 3,
      refused: { HANSE_RECEIPT_AMOUNT: 1 },
      message: '',
      revocations: { known: 2, at: NOW - 30_000, fault: '' },
    },
    ...changes,
  }
}

/** One peer dialed back at one of two addresses, another one gave no answer. */
export function exampleReachability(): ReachabilityReport {
  const [open, shut] = ['/ip4/192.0.2.7/tcp/4001', '/ip4/192.0.2.7/tcp/4002/ws']
  return {
    reachability: 'direct',
    addresses: [open, shut],
    peers: [
      {
        peerId: '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X',
        observed: '/ip4/192.0.2.7/tcp/50123',
        clockOffsetMs: -12,
        results: [
          { address: open, ok: true, ms: 31, fault: null },
          { address: shut, ok: false, ms: 4_000, fault: 'timeout' },
        ],
        fault: undefined,
      },
      {
        peerId: '12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3',
        observed: undefined,
        clockOffsetMs: undefined,
        results: [],
        fault: 'no answer in time',
      },
    ],
    clockOffsetMs: -12,
  }
}

/** A daemon that does nothing but change its state as it is told. */
export class ExampleControl implements ProviderControl {
  readonly asked: string[] = []
  current = exampleStatus()

  async status(): Promise<ProviderStatus> {
    return this.current
  }

  async reachability(): Promise<ReachabilityReport> {
    this.asked.push('reachability')
    return exampleReachability()
  }

  async pause(): Promise<void> {
    this.asked.push('pause')
    this.current = { ...this.current, state: 'paused', pausedBy: ['paused by the owner'] }
  }

  async resume(): Promise<void> {
    this.asked.push('resume')
    this.current = { ...this.current, state: 'serving', pausedBy: [] }
  }

  async drain(): Promise<void> {
    this.asked.push('drain')
    this.current = { ...this.current, state: 'draining' }
  }
}
