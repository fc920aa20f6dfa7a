import type { KnownOffer, Offer, OfferedModel } from '@hanse/protocol'
import { parsePrice, picoEuro } from '@hanse/protocol'
import { HOUR_MS, makeAttestation, makeOffer, NOW, provider } from '@hanse/protocol/testing'
import type { ProviderStatus } from '../../provider/status.ts'
import type { ProviderFacts } from '../provider-facts.ts'

const RELAY = '/ip4/198.51.100.7/tcp/4001/p2p/12D3KooWRelay'
const ADDRESS = '/ip4/203.0.113.9/tcp/4001'
export const ATTESTATION = makeAttestation({ notAfter: NOW + 30 * 24 * HOUR_MS }).value

/** An offer as a stranger gets it, with changes to it and to its one model. */
export function knownOffer(
  changes: Partial<Offer> = {},
  model: Partial<OfferedModel> = {},
): KnownOffer {
  const { value } = makeOffer(changes)
  const [first] = value.models
  if (first === undefined) throw new Error('the fixture has a model')
  return { offer: { ...value, models: [{ ...first, ...model }] }, attestations: [ATTESTATION] }
}

export const STATUS: ProviderStatus = {
  peerId: provider.peerId,
  network: 'test',
  country: 'DE',
  version: '1.2.3',
  now: NOW,
  startedAt: NOW - 5 * HOUR_MS,
  state: 'serving',
  pausedBy: [],
  addresses: [ADDRESS],
  connections: 12,
  reachability: 'direct',
  live: { cid: 'bafy', at: NOW - 60_000, peersTold: 20 },
  evidenceLevel: 3,
  evidenceUntil: NOW + 30 * 24 * HOUR_MS,
  models: [
    {
      id: 'hanse/test-model:q4',
      engine: 'ollama',
      engineModel: 'test:q4',
      slots: 4,
      busy: 1,
      queued: 0,
      inputPrice: parsePrice('0.10'),
      outputPrice: parsePrice('0.20'),
      tokensPerSecond: 80,
      state: 'loaded',
    },
  ],
  engines: [{ name: 'ollama', ready: true, message: '' }],
  machine: { gpus: [], memoryBytes: 64e9, cpu: 'test', cores: 8 },
  gpus: [
    {
      id: 'nvidia:0',
      utilization: 0.7,
      temperatureCelsius: 70,
      vramUsedBytes: 8e9,
      powerWatts: 200,
      processes: [],
    },
  ],
  sessions: [],
  totals: {
    sessions: 40,
    completed: 39,
    rejected: {},
    failed: {},
    inputTokens: 1000,
    outputTokens: 9000,
    earned: picoEuro(1_000_000n),
    tokensPerSecond: 60,
  },
  settlement: {
    url: 'https://settlement.example',
    reachable: true,
    payable: true,
    onboardingUrl: undefined,
    unsettled: 0,
    refused: {},
    message: '',
    revocations: { known: 0, at: NOW - 30_000, fault: '' },
  },
}

/** A provider with nothing to complain about. */
export const HEALTHY: ProviderFacts = {
  now: NOW,
  terms: {
    network: 'test',
    listen: ['/ip4/0.0.0.0/tcp/4001'],
    bootstrap: [RELAY],
    country: 'DE',
    minAuthorization: picoEuro(0n),
    unsecuredCredit: picoEuro(0n),
    settlementUrl: 'https://settlement.example',
  },
  peerId: provider.peerId,
  status: STATUS,
  stranger: {
    bootstraps: [{ address: RELAY, answers: true, joined: true }],
    joined: true,
    listed: true,
    offer: knownOffer(),
    dialed: [ADDRESS],
    others: [knownOffer({}, { outputPrice: parsePrice('0.30') })],
    twin: undefined,
  },
  dialBack: {
    reachability: 'direct',
    addresses: [ADDRESS],
    peers: [
      {
        peerId: '12D3KooWAsked',
        observed: '/ip4/203.0.113.9/tcp/50123',
        clockOffsetMs: -40,
        results: [{ address: ADDRESS, ok: true, ms: 30, fault: null }],
        fault: undefined,
      },
    ],
    clockOffsetMs: -40,
  },
  clocks: [{ source: 'settlement', offsetMs: 40 }],
  settlement: {
    url: 'https://settlement.example',
    reachable: true,
    peerId: ATTESTATION.issuer,
    payable: true,
    onboardingUrl: undefined,
    message: '',
  },
  engines: [
    {
      engine: 'ollama',
      model: 'test:q4',
      ready: true,
      message: '',
      answer: { tokens: 8, firstTokenMs: 300, tokensPerSecond: 80 },
    },
  ],
  machine: {
    dataDir: '/data',
    diskFreeBytes: 200e9,
    memoryFreeBytes: 30e9,
    memoryBytes: 64e9,
  },
  version: '1.2.3',
  latestVersion: '1.2.3',
}
