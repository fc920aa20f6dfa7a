import { formatEuro, parseCheckpoint, picoEuro } from '@hanse/protocol'
import type { NodeTrailEvent } from './node-trail.ts'

export interface SummaryFacts {
  readonly from: number
  readonly to: number
  readonly now: number
  /** The checkpoint. */
  readonly note: string
  readonly network: string
  readonly peerId: string
}

interface SummaryWords {
  readonly title: string
  readonly intro: string
  readonly node: string
  readonly network: string
  readonly period: string
  readonly made: string
  readonly log: string
  readonly entries: string
  readonly events: readonly [string, string, string]
  readonly uses: readonly [string, string, string, string, string]
  readonly refusals: readonly [string, string, string, string]
  readonly bundles: (count: number) => string
  readonly none: string
  readonly how: string
  readonly limits: readonly string[]
}

const WORDS: Readonly<Record<'en' | 'de', SummaryWords>> = {
  en: {
    title: 'Evidence from a node’s own audit log',
    intro:
      'This page retells for people what the other files say and prove. Where it and a file differ, the file counts.',
    node: 'Signed by node',
    network: 'Network',
    period: 'Period',
    made: 'Made at',
    log: 'Log',
    entries: 'Entries under the checkpoint',
    events: ['Events', 'Kind', 'Number'],
    uses: ['What was used, where, and what it cost', 'Model', 'Country', 'Sessions', 'Cost'],
    refusals: ['Refusals', 'When (UTC)', 'Country', 'Reason'],
    bundles: (count) =>
      `The package has the whole records of ${count} sessions, signed by both sides.`,
    none: 'None.',
    how: 'How to check it',
    limits: [
      'The log is append-only: each event’s file leads by hashes to the signed checkpoint.',
      'That the period is complete, and that nobody else holds another version of the log, rests on the node’s signature: a node’s log has witnesses only where somebody keeps its checkpoints.',
      'Countries are what providers declared; the evidence for them, with its level, is in the session files.',
      'No prompt and no answer is in the log or in this package.',
    ],
  },
  de: {
    title: 'Nachweis aus dem Prüfprotokoll eines Knotens',
    intro:
      'Diese Seite erzählt für Menschen nach, was die anderen Dateien sagen und beweisen. Wo sie von einer Datei abweicht, gilt die Datei.',
    node: 'Unterschrieben vom Knoten',
    network: 'Netz',
    period: 'Zeitraum',
    made: 'Erstellt',
    log: 'Protokoll',
    entries: 'Einträge unter dem Checkpoint',
    events: ['Ereignisse', 'Art', 'Anzahl'],
    uses: [
      'Was genutzt wurde, wo, und was es gekostet hat',
      'Modell',
      'Land',
      'Sitzungen',
      'Kosten',
    ],
    refusals: ['Ablehnungen', 'Wann (UTC)', 'Land', 'Grund'],
    bundles: (count) =>
      `Das Paket enthält die vollständigen Datensätze von ${count} Sitzungen, von beiden Seiten unterschrieben.`,
    none: 'Keine.',
    how: 'So wird es geprüft',
    limits: [
      'An das Protokoll wird nur angehängt: Die Datei jedes Ereignisses führt über Hashwerte zum unterschriebenen Checkpoint.',
      'Dass der Zeitraum vollständig ist und niemand eine andere Fassung des Protokolls hat, bezeugt der Knoten mit seiner Unterschrift: Zeugen hat das Protokoll eines Knotens nur, wo jemand seine Checkpoints aufbewahrt.',
      'Länder sind so angegeben, wie Anbieter sie erklärt haben; die Belege dafür, mit ihrer Stufe, stehen in den Dateien der Sitzungen.',
      'Weder Eingaben noch Antworten stehen im Protokoll oder in diesem Paket.',
    ],
  },
}

/** The rest is in the files. */
const REFUSALS_MAX = 100

/** What a person reads first: Markdown, since a node has nothing that makes PDF. */
export function summaryText(
  language: 'en' | 'de',
  { from, to, now, note, network, peerId }: SummaryFacts,
  events: readonly NodeTrailEvent[],
  bundles: number,
): string {
  const words = WORDS[language]
  const { origin, size } = parseCheckpoint(note)
  const facts = [
    [words.node, peerId],
    [words.network, network],
    [words.period, `${timeOf(from)} – ${timeOf(to)}`],
    [words.made, timeOf(now)],
    [words.log, origin],
    [words.entries, `${size}`],
  ]
  const refused = events.filter(({ kind }) => kind === 'residency')
  const sections = [
    `# ${words.title}`,
    words.intro,
    facts.map(([name, value]) => `- ${name}: ${value}`).join('\n'),
    tableOf(words.events, kindsOf(events), words.none),
    tableOf(words.uses, usesOf(events), words.none),
    tableOf(
      words.refusals,
      refused
        .slice(0, REFUSALS_MAX)
        .map(({ at, country, reason }) => [timeOf(at), country ?? '', reason ?? '']),
      words.none,
    ),
    words.bundles(bundles),
    `## ${words.how}`,
    `    hanse verify FILE --network ${network} --trust ${peerId}`,
    words.limits.map((limit) => `- ${limit}`).join('\n'),
  ]
  return `${sections.join('\n\n')}\n`
}

function tableOf(
  [title, ...columns]: readonly string[],
  rows: readonly (readonly string[])[],
  none: string,
): string {
  if (rows.length === 0) return `## ${title}\n\n${none}`
  const line = (cells: readonly string[]) => `| ${cells.map(cellOf).join(' | ')} |`
  const lines = [line(columns), line(columns.map(() => '---')), ...rows.map(line)]
  return `## ${title}\n\n${lines.join('\n')}`
}

/** Names come from peers: none of them makes another cell, or markup. */
const cellOf = (text: string): string => text.replace(/[|\\`*_<>[\]\n\r]/gu, '·')

function kindsOf(events: readonly NodeTrailEvent[]): string[][] {
  const counts = new Map<string, number>()
  for (const { kind } of events) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, count]) => [kind, `${count}`])
}

function usesOf(events: readonly NodeTrailEvent[]): string[][] {
  const uses = new Map<string, { sessions: number; amount: bigint; names: [string, string] }>()
  for (const { kind, model = '–', country = '–', amount = 0n } of events) {
    if (kind !== 'session') continue
    const known = uses.get(`${model} ${country}`)
    uses.set(`${model} ${country}`, {
      sessions: (known?.sessions ?? 0) + 1,
      amount: (known?.amount ?? 0n) + amount,
      names: [model, country],
    })
  }
  return [...uses]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { names, sessions, amount }]) => [
      ...names,
      `${sessions}`,
      formatEuro(picoEuro(amount)),
    ])
}

const timeOf = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
