import { type Page, renderPage, type Section } from '../report/page.ts'
import { plot } from '../report/plot.ts'
import type { Calibration } from './calibration.ts'
import type { TableFigures } from './learned.ts'
import type { DhtResults } from './run-dht.ts'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const whole = (value: number): string => String(Math.round(value))

/** The report of a run. Only its header differs between two runs of one seed. */
export function renderDht(results: DhtResults, measured: Calibration, header: string): string {
  const page: Page = {
    title: `The DHT, simulated: seed ${results.plan.seed}`,
    header,
    sections: [
      scaleSection(results),
      learnedSection(results),
      calibrationSection(results, measured),
      churnSection(results),
      hotKeySection(results),
      attackSection(results, 'sybils'),
      attackSection(results, 'crowd'),
    ],
  }
  return renderPage(page)
}

function scaleSection({ scale }: DhtResults): Section {
  const curves = (figure: (row: (typeof scale)[number]['rows'][number]) => number) =>
    scale.map(({ tables, rows }) => ({
      name: tables,
      points: rows.map((row) => [row.peers, figure(row)] as const),
    }))
  const base = { across: 'peers', isLogarithmic: true }
  return {
    title: 'Size',
    text: 'Everybody is there; tables are full. A provider tells a record, and a consumer looks for it.',
    plots: [
      plot({
        ...base,
        title: 'Peers asked in one lookup',
        up: 'peers',
        curves: curves((row) => row.askedMean),
      }),
      plot({
        ...base,
        title: 'The twenty truly nearest peers: share that a lookup finds',
        up: 'share',
        isShare: true,
        curves: curves((row) => row.nearestFound),
      }),
      plot({
        ...base,
        title: 'Time until the first provider is known, p50',
        up: 'ms',
        curves: curves((row) => row.firstProviderP50),
      }),
    ],
    table: [
      [
        'tables',
        'peers',
        'contacts',
        'asked',
        'hops p50',
        'p95',
        'lookup p50 ms',
        'p95',
        'nearest found',
        'provider found',
        'first provider p50 ms',
        'p95',
      ],
      ...scale.flatMap(({ tables, rows }) =>
        rows.map((row) => [
          tables,
          whole(row.peers),
          whole(row.contacts),
          row.askedMean.toFixed(1),
          whole(row.hopsP50),
          whole(row.hopsP95),
          whole(row.msP50),
          whole(row.msP95),
          percent(row.nearestFound),
          percent(row.found),
          whole(row.firstProviderP50),
          whole(row.firstProviderP95),
        ]),
      ),
    ],
  }
}

function learnedSection({ learned, scale }: DhtResults): Section {
  const drawn = scale[0]?.rows ?? []
  return {
    title: 'Tables that were learned',
    text: 'The same, where every contact was met in a real lookup and taken or left as kad-dht does, against tables that were drawn at random.',
    table: [
      [
        'peers',
        'asked, learned',
        'asked, drawn',
        'nearest found, learned',
        'nearest found, drawn',
        'contacts, learned',
        'contacts, drawn',
      ],
      ...learned.map((row) => {
        const other = drawn.find(({ peers }) => peers === row.peers)
        return [
          whole(row.peers),
          row.askedMean.toFixed(1),
          other?.askedMean.toFixed(1) ?? '',
          percent(row.nearestFound),
          other === undefined ? '' : percent(other.nearestFound),
          whole(row.contacts),
          other === undefined ? '' : whole(other.contacts),
        ]
      }),
    ],
  }
}

function calibrationSection({ calibration }: DhtResults, measured: Calibration): Section {
  const sets = [
    { name: 'nodes as they are', real: measured.production, model: calibration.production },
    { name: 'buckets of 4, depth 2', real: measured.small, model: calibration.small },
  ]
  const curve = (figure: 'askedMean' | 'nearestFound') =>
    sets.flatMap(({ name, real, model }) => [
      { name: `${name}: libp2p`, points: real.map((row) => [row.peers, row[figure]] as const) },
      {
        name: `${name}: model`,
        isDashed: true,
        points: model.map((row) => [row.peers, row[figure]] as const),
      },
    ])
  return {
    title: 'Calibration',
    text: `Real libp2p networks in one process, measured on ${measured.date} (${measured.machine}), and the model of tables that are learned.`,
    plots: [
      plot({
        title: 'Peers asked in one lookup',
        across: 'nodes',
        up: 'peers',
        curves: curve('askedMean'),
      }),
      plot({
        title: 'Nearest peers found',
        across: 'nodes',
        up: 'share',
        isShare: true,
        curves: curve('nearestFound'),
      }),
    ],
    table: [
      [
        'tables',
        'nodes',
        'asked, libp2p',
        'asked, model',
        'nearest found, libp2p',
        'nearest found, model',
        'contacts, libp2p',
        'contacts, model',
      ],
      ...sets.flatMap(({ name, real, model }) =>
        real.map((row) => [
          name,
          whole(row.peers),
          row.askedMean.toFixed(1),
          modelled(model, row.peers).askedMean.toFixed(1),
          percent(row.nearestFound),
          percent(modelled(model, row.peers).nearestFound),
          row.contacts.toFixed(1),
          modelled(model, row.peers).contacts.toFixed(1),
        ]),
      ),
    ],
  }
}

function modelled(model: readonly TableFigures[], peers: number): TableFigures {
  const row = model.find((one) => one.peers === peers)
  if (row === undefined) throw new RangeError(`no model of ${peers} nodes`)
  return row
}

function churnSection({ churn, plan }: DhtResults): Section {
  return {
    title: 'Churn',
    text: `${plan.peers} identities, of which two thirds are there at a time, with log-normal sessions of two hours at the median.`,
    table: [
      [
        'rules',
        'look-ups that succeed',
        'live providers named',
        'named but gone',
        'contacts that are gone',
        'questions that fail',
        'nearest found',
        'asked',
        'first provider p50 ms',
        'p95',
      ],
      ...churn.map((row) => [
        row.name,
        percent(row.success),
        percent(row.recall),
        percent(row.staleListed),
        percent(row.staleContacts),
        percent(row.failedShare),
        percent(row.nearestFound),
        row.askedMean.toFixed(1),
        whole(row.firstProviderP50),
        whole(row.firstProviderP95),
      ]),
    ],
  }
}

function hotKeySection({ hotKey }: DhtResults): Section {
  const drawn = hotKey.filter(({ lot }) => lot)
  return {
    title: 'The hot key any/EU',
    text: 'Half of the peers in the EU sell and tell the same key; ten consumers a second browse it. Consumers draw by lot from what holders name; the first row is without the lot. Shards are what could be done, not what is.',
    plots: [
      plot({
        title: 'Records at the busiest holder',
        across: 'shards',
        up: 'records',
        isLogarithmic: true,
        curves: [{ name: 'records', points: drawn.map((row) => [row.shards, row.recordsMost]) }],
      }),
      plot({
        title: 'Providers that consumers get to see, all together',
        across: 'shards',
        up: 'share',
        isLogarithmic: true,
        isShare: true,
        curves: [
          { name: 'seen by anybody', points: drawn.map((row) => [row.shards, row.providersSeen]) },
        ],
      }),
    ],
    table: [
      [
        'shards',
        'by lot',
        'providers',
        'holders',
        'records at the busiest',
        'its requests per second',
        'its answer, kB',
        'providers seen',
        'consumers that see the same one',
        'first provider p50 ms',
      ],
      ...hotKey.map((row) => [
        whole(row.shards),
        row.lot ? 'yes' : 'no',
        whole(row.providers),
        whole(row.holders),
        whole(row.recordsMost),
        row.requestsPerSecondMost.toFixed(2),
        (row.answerBytesMost / 1000).toFixed(1),
        percent(row.providersSeen),
        percent(row.seenByMost),
        whole(row.firstProviderP50),
      ]),
    ],
  }
}

function attackSection({ attacks }: DhtResults, by: 'crowd' | 'sybils'): Section {
  const rows = attacks.filter((row) => row.crowd + row.sybils === 0 || row[by] > 0)
  const names = [...new Set(rows.map(({ defence }) => defence))]
  const steps = [...new Set(rows.map((row) => row[by]))].sort((a, b) => a - b)
  const success = (defence: string, lie: string, step: number) =>
    rows.find((row) => row.defence === defence && row.lie === lie && row[by] === step)?.success ?? 0
  const title = by === 'sybils' ? 'Eclipse: peers next to the key' : 'Sybils: a share of all peers'
  return {
    title,
    text: 'Share of consumers that learn of a provider that exists. Attackers name only each other, and no provider (withhold) or 64 that do not exist (flood).',
    plots: (['withhold', 'flood'] as const).map((lie) =>
      plot({
        title: `${title}, ${lie}`,
        across: by === 'sybils' ? 'attackers next to the key' : 'share of all peers',
        up: 'success',
        isShare: true,
        curves: names.map((name) => ({
          name,
          points: steps.map((step) => [step, success(name, lie, step)] as const),
        })),
      }),
    ),
    table: [
      ['defence', 'lie', ...steps.map((step) => (by === 'sybils' ? String(step) : percent(step)))],
      ...names.flatMap((name) =>
        ['withhold', 'flood'].map((lie) => [
          name,
          lie,
          ...steps.map((step) => percent(success(name, lie, step))),
        ]),
      ),
    ],
  }
}
