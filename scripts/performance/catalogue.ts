import type { Value } from './figures.ts'
import { told } from './told.ts'
import { WEBSITE } from './website.ts'

/** A file that a benchmark wrote, as far as figures are read off it. */
export type BenchFile = Readonly<Record<string, unknown>>

export interface Figure {
  readonly id: string
  readonly bench: string
  readonly title: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** What the limit is, and who the other one is; absent where there is none to measure. */
  readonly limit?: string
  readonly other?: string
  readonly read: (file: BenchFile) => Value | undefined
  /** Why we lose to the other one, or are far from the limit. */
  readonly because?: string
}

export interface Section {
  readonly title: string
  readonly text: string
  readonly figures: readonly Figure[]
}

const PIPES = 'two bare HTTP pipes of Node'
const PORTKEY = 'Portkey’s gateway'

/** A figure of a benchmark of sides, by the sides' medians. */
function sides(id: string, ours: string, limit?: string, other?: string): Figure['read'] {
  return (file) => {
    const figures = file.figures as
      | readonly { id: string; sides: Record<string, { median: number | null } | undefined> }[]
      | undefined
    const found = figures?.find((figure) => figure.id === id)?.sides
    return besides((name) => found?.[name]?.median ?? undefined, {
      ours,
      ...(limit === undefined ? {} : { limit }),
      ...(other === undefined ? {} : { other }),
    })
  }
}

function besides(
  of: (name: string) => number | undefined,
  { ours, limit, other }: { ours: string; limit?: string; other?: string },
): Value | undefined {
  const value = of(ours)
  if (value === undefined) return undefined
  const [bound, theirs] = [limit, other].map((name) => (name === undefined ? undefined : of(name)))
  return {
    ours: value,
    ...(bound === undefined ? {} : { limit: bound }),
    ...(theirs === undefined ? {} : { other: theirs }),
  }
}

/** A figure of `bench:protocol`: so many µs of one core, beside the signatures and hashes that it cannot do without. */
function protocol(title: string): Figure['read'] {
  return ({ figures }) => {
    const found = (
      figures as readonly { title: string; ours: Rate; raw: Rate }[] | undefined
    )?.find((figure) => figure.title === title)
    return found && { ours: 1e6 / found.ours.median, limit: 1e6 / found.raw.median }
  }
}

interface Rate {
  readonly median: number
}

/** Sessions a minute of `bench:settlement` on PostgreSQL, beside `limit` of the same run, times `per`. */
function settled(id: string, limit: string, per = 1): Figure['read'] {
  return ({ figures }) => {
    const of = (wanted: string) =>
      (figures as readonly { id: string; store: string; spread: Rate }[] | undefined)?.find(
        (figure) => figure.id === wanted && figure.store !== 'pglite',
      )?.spread.median
    const [ours, bound] = [of(id), of(limit)]
    if (ours === undefined) return undefined
    return { ours: ours * 60, ...(bound === undefined ? {} : { limit: bound * per * 60 }) }
  }
}

/** Time of EU mode on beside off, as a share of what it is without. */
function eu(id: string): Figure['read'] {
  return ({ overheads }) => {
    const found = (
      overheads as readonly { id: string; off: number; on: number }[] | undefined
    )?.find((overhead) => overhead.id === id)
    return found && { ours: found.on, limit: found.off }
  }
}

export const SECTIONS: readonly Section[] = [
  {
    title: 'What the protocol adds to a request and to a token',
    text: 'An engine that takes no time is asked through our gateway, an encrypted libp2p connection and our provider, with receipts that both sides sign; through two bare HTTP pipes, which is what two hops cost whatever runs in them; and through Portkey’s gateway, which is one hop and signs nothing.',
    figures: [
      {
        id: 'first-token',
        bench: 'gateway',
        title: 'first token, known provider, p50',
        unit: 'ms',
        better: 'lower',
        limit: PIPES,
        other: PORTKEY,
        read: sides('first-token-p50', 'hanse', 'pipes', 'portkey'),
        because:
          'order, acceptance and their signatures come one after the other, and both sides wait for the disk before anything is promised',
      },
      {
        id: 'first-token-p95',
        bench: 'gateway',
        title: 'first token, known provider, p95',
        unit: 'ms',
        better: 'lower',
        limit: PIPES,
        other: PORTKEY,
        read: sides('first-token-p95', 'hanse', 'pipes', 'portkey'),
      },
      {
        id: 'cpu-per-request',
        bench: 'gateway',
        title: 'CPU of a short completion, all hops',
        unit: 'ms',
        better: 'lower',
        limit: PIPES,
        other: PORTKEY,
        read: sides('cpu-per-request', 'hanse', 'pipes', 'portkey'),
        because:
          'four signatures are made and four checked for each session, and both sides keep it on disk; Portkey forwards and keeps nothing. The floor of the signatures alone is 0.6 ms',
      },
      {
        id: 'requests',
        bench: 'gateway',
        title: 'completions of 16 tokens, 32 at a time',
        unit: 'requests/s',
        better: 'higher',
        limit: PIPES,
        other: PORTKEY,
        read: sides('requests-per-second', 'hanse', 'pipes', 'portkey'),
        because:
          'as above: on two cores that client and engine use too, the CPU of a session is what limits it',
      },
      {
        id: 'cpu-per-token',
        bench: 'gateway',
        title: 'CPU of a token, 64 streams, all hops',
        unit: 'µs',
        better: 'lower',
        limit: PIPES,
        other: PORTKEY,
        read: sides('cpu-per-token', 'hanse', 'pipes', 'portkey'),
        because:
          'a token passes two processes of ours and one of Portkey’s; it is encrypted, decrypted, and hashed into the transcript that receipts commit to',
      },
      {
        id: 'tokens-1',
        bench: 'gateway',
        title: 'one stream of 2000 tokens',
        unit: 'tokens/s',
        better: 'higher',
        limit: PIPES,
        other: PORTKEY,
        read: sides('tokens-per-second-1', 'hanse', 'pipes', 'portkey'),
        because:
          'one hop more, encrypted; an engine sends fifty to some hundreds a second, so nobody waits for it',
      },
      {
        id: 'tokens-64',
        bench: 'gateway',
        title: '64 streams of 2000 tokens',
        unit: 'tokens/s',
        better: 'higher',
        limit: PIPES,
        other: PORTKEY,
        read: sides('tokens-per-second-64', 'hanse', 'pipes', 'portkey'),
        because: 'as for the CPU of a token',
      },
      {
        id: 'memory',
        bench: 'gateway',
        title: 'resident after a round, all hops',
        unit: 'MB',
        better: 'lower',
        limit: PIPES,
        other: PORTKEY,
        read: sides('memory', 'hanse', 'pipes', 'portkey'),
        because: 'two processes against one, each with libp2p and a database in it',
      },
      {
        id: 'cancel',
        bench: 'gateway',
        title: 'a client leaves, and the engine knows, p95',
        unit: 'ms',
        better: 'lower',
        limit: PIPES,
        read: sides('cancel-streamed-p95', 'hanse', 'pipes'),
        because:
          'through Portkey the engine never hears of it, and computes to the end: there is no time to put beside ours',
      },
    ],
  },
  {
    title: 'First token over the DHT',
    text: 'Real libp2p nodes on loopback: a relay, peers that keep the DHT, a provider, and a consumer that asks without a gateway. Cold: the consumer is new, connected to nobody but the relay, and knows no offer; it looks up the key in the DHT, fetches the offer, dials the provider, orders. Warm: offer and connection are there. The limit is the engine asked directly over HTTP, on a new connection and on a kept one. No other gateway finds anybody: the one it is held against is told where the engine is.',
    figures: (
      [
        ['cold', 'p50', 'new connection'],
        ['cold', 'p99', 'new connection'],
        ['warm', 'p50', 'kept connection'],
        ['warm', 'p99', 'kept connection'],
      ] as const
    ).map(([state, share, connection]) => ({
      id: `dht-${state}-${share}`,
      bench: 'first-token',
      title: `${state}, ${share}`,
      unit: 'ms',
      better: 'lower' as const,
      limit: `the engine itself, ${connection}`,
      other: PORTKEY,
      read: told(`dht-${state}-${share}`),
      because:
        state === 'cold'
          ? 'a lookup, an offer with its signatures, and a connection with its key exchange come before the first order; Portkey is told the address'
          : 'signatures and disk before the first token, as above',
    })),
  },
  {
    title: 'From a start to the first offer and the first paid job',
    text: 'A new provider with a new identity, from the start of its process: without `npm ci`, whose time is that of the network and the disk. First offer: another node has found it in the DHT and has fetched it. First paid job: a gateway has asked it, and settlement has booked the session. The limit is a Node process that only loads the command’s modules and says its version; beside it is Portkey’s gateway, from its start until its first answer, which has no identity, no market and no ledger.',
    figures: [
      {
        id: 'start-offer',
        bench: 'start',
        title: 'until the first offer is seen',
        unit: 'ms',
        better: 'lower',
        limit: '`hanse --version`',
        read: told('start-offer'),
      },
      {
        id: 'start-answer',
        bench: 'start',
        title: 'until the first answer through a gateway',
        unit: 'ms',
        better: 'lower',
        limit: '`hanse --version`',
        other: PORTKEY,
        read: told('start-answer'),
        because:
          'a provider makes an identity, binds itself to settlement, gets its country attested, signs its offer and tells the DHT before anybody may ask it',
      },
      {
        id: 'start-paid',
        bench: 'start',
        title: 'until the first job is paid',
        unit: 'ms',
        better: 'lower',
        limit: '`hanse --version`',
        read: told('start-paid'),
        because: 'sessions are settled by Statements, here one a second',
      },
    ],
  },
  {
    title: 'Settlement',
    text: 'Sessions of a minute that settlement verifies, books, logs and has on disk, on PostgreSQL, with senders, service and database on the same cores. No other settlement of doubly-signed receipts exists to be run beside it; the limit is what the same machine inserts into a bare table, and what it checks of signatures when it does nothing else.',
    figures: [
      {
        id: 'sessions-per-minute',
        bench: 'settlement',
        title: 'sessions by Statements',
        unit: 'a minute',
        better: 'higher',
        limit: 'rows inserted, a thousand in one statement',
        read: settled('sessions', 'raw-inserts'),
      },
      {
        id: 'receipts-per-minute',
        bench: 'settlement',
        title: 'single receipts, of two signatures each',
        unit: 'a minute',
        better: 'higher',
        limit: 'half of the raw signature checks, two threads',
        read: settled('receipts', 'raw-checks-2', 0.5),
        because:
          'beyond two signatures of 100 µs, a receipt costs decoding, a booking, two kilobytes of evidence and an event of the log: 760 µs in all. Statements are the way for volume',
      },
    ],
  },
  {
    title: 'Checking a bundle offline',
    text: 'A bundle of three receipts, every check, on one core. The limit is its eleven Ed25519 checks alone by the fastest means there are: `node:crypto`, or WebCrypto in Chromium.',
    figures: [
      {
        id: 'bundle-node',
        bench: 'protocol',
        title: 'in Node',
        unit: 'µs',
        better: 'lower',
        limit: '11 × Ed25519 of OpenSSL',
        read: protocol('bundle of 3 receipts: every check'),
      },
      {
        id: 'receipt-check',
        bench: 'protocol',
        title: 'one receipt, in Node',
        unit: 'µs',
        better: 'lower',
        limit: '2 × Ed25519 of OpenSSL',
        read: protocol('receipt: decode, name, check 2 signatures'),
      },
      {
        id: 'bundle-browser',
        bench: 'browser',
        title: 'in Chromium',
        unit: 'µs',
        better: 'lower',
        limit: '11 × Ed25519 of WebCrypto',
        read: told('bundle-browser'),
        because:
          'the page checks with a curve in JavaScript: verification is one synchronous function that is the same everywhere, and WebCrypto is asynchronous and accepts other signatures than the one strict rule',
      },
    ],
  },
  {
    title: 'A browser as a node',
    text: 'A page in Chromium joins the network over a WebSocket, finds a provider in the DHT, and streams an answer with receipts; beside it the same consumer in Node, which is what the browser is held against, and no physical limit.',
    figures: (
      [
        ['browser-join', 'until it is in the network'],
        ['browser-find', 'until it has found a provider'],
        ['browser-cold', 'first token, the first time: offer known, no connection to the provider'],
        ['browser-warm', 'first token, later, p50'],
      ] as const
    ).map(([id, title]) => ({
      id,
      bench: 'browser',
      title,
      unit: 'ms',
      better: 'lower' as const,
      other: 'the same consumer in Node',
      read: told(id),
      because: 'signatures and encryption in JavaScript, where Node has OpenSSL',
    })),
  },
  WEBSITE,
  {
    title: 'What EU mode costs',
    text: 'Gateway and provider with the audit log, a lawful basis, residency by an attestation of level 4 and revocations; the limit is the same without all of it.',
    figures: (
      [
        ['first-token-p50', 'first token, p50', 'ms', 'lower'],
        ['first-token-p95', 'first token, p95', 'ms', 'lower'],
        ['tokens-per-second-1', 'one stream of 2000 tokens', 'tokens/s', 'higher'],
        ['tokens-per-second-16', '16 streams of 2000 tokens', 'tokens/s', 'higher'],
      ] as const
    ).map(([id, title, unit, better]) => ({
      id: `eu-${id}`,
      bench: 'eu',
      title,
      unit,
      better,
      limit: 'EU mode off',
      read: eu(id),
    })),
  },
]
