import { parseArgs } from 'node:util'
import { Site } from '../web/site.ts'
import { machineFacts } from './report.ts'
import { percentile } from './statistics.ts'
import { type ToldValue, tell } from './told.ts'
import {
  type Effort,
  type LandingSamples,
  measureLanding,
  measureOffers,
  measureReceipts,
  type TableSamples,
} from './web/measure.ts'

const USAGE = `usage: npm run bench:web -- [--json FILE] [--quick]

The website in Chromium: how soon a filter answers and how smoothly a table scrolls, of 10,000 receipts and of 512 offers, beside
a plain table that has all rows in the page; and how soon the landing page stands, beside a page of nothing but a heading.

  --json FILE   where the figures are written (default: bench-results/web.json)
  --quick       a rough run`

const FULL: Effort = { rounds: 5, filters: 12, scrollMs: 5_000, loads: 4 }
const QUICK: Effort = { rounds: 1, filters: 4, scrollMs: 500, loads: 1 }

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string', default: 'bench-results/web.json' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return
  }
  const startedAt = new Date().toISOString()
  const machine = machineFacts()
  const effort = values.quick ? QUICK : FULL
  process.stderr.write('the landing page…\n')
  const landing = await landingOf(effort)
  process.stderr.write('10,000 receipts…\n')
  const receipts = await measureReceipts(effort)
  process.stderr.write('512 offers…\n')
  const offers = await measureOffers(effort)
  tell(
    {
      benchmark: 'web',
      quick: values.quick,
      startedAt,
      machine,
      values: {
        ...tableValues('receipts', receipts),
        ...tableValues('offers', offers),
        ...landingValues(landing),
      },
      samples: {
        ...tableSamples('receipts', receipts),
        ...tableSamples('offers', offers),
        'landing lcp': landing.lcp.ours,
        'bare lcp': landing.lcp.bare,
        'landing shift': landing.shifts,
        'landing script bytes': landing.scriptBytes,
        'landing style bytes': landing.styleBytes,
      },
    },
    values.json,
  )
}

async function landingOf(effort: Effort): Promise<LandingSamples> {
  await using site = await Site.open()
  return await measureLanding(site, effort)
}

function tableValues(
  name: string,
  { filter, frames, gaps, elements }: TableSamples,
): Record<string, ToldValue> {
  const beside = (
    { ours, plain }: Record<'ours' | 'plain', number[]>,
    limit: number[],
    of: (samples: number[]) => number,
  ): ToldValue => ({ ours: of(ours), limit: of(limit), other: of(plain) })
  const p50 = (of: number[]) => percentile(of, 0.5)
  const p95 = (of: number[]) => percentile(of, 0.95)
  return {
    [`web-filter-${name}-p50`]: beside(filter, filter.word, p50),
    [`web-filter-${name}-p95`]: beside(filter, filter.word, p95),
    [`web-scroll-${name}-rate`]: beside(frames, frames.still, frameRate),
    [`web-scroll-${name}-p95`]: beside(frames, frames.still, p95),
    [`web-scroll-${name}-gaps`]: { ours: (gaps / frames.ours.length) * 100 },
    [`web-elements-${name}`]: { ours: elements.ours, other: elements.plain },
  }
}

/** Frames a second. */
function frameRate(frames: readonly number[]): number {
  return (frames.length * 1_000) / frames.reduce((sum, ms) => sum + ms, 0)
}

function landingValues(landing: LandingSamples): Record<string, ToldValue> {
  const { lcp, shifts, scriptBytes, styleBytes } = landing
  const lcpAt = (share: number) => ({
    ours: percentile(lcp.ours, share),
    limit: percentile(lcp.bare, share),
  })
  return {
    'web-landing-lcp-p50': lcpAt(0.5),
    'web-landing-lcp-p95': lcpAt(0.95),
    'web-landing-shift': { ours: Math.max(...shifts) },
    'web-landing-script': { ours: percentile(scriptBytes, 0.5) / 1_000 },
    'web-landing-style': { ours: percentile(styleBytes, 0.5) / 1_000 },
  }
}

function tableSamples(name: string, { filter, frames }: TableSamples): Record<string, number[]> {
  return {
    [`${name} filter`]: filter.ours,
    [`${name} filter, plain`]: filter.plain,
    [`${name} filter, one word`]: filter.word,
    [`${name} frames`]: frames.ours,
    [`${name} frames, plain`]: frames.plain,
    [`${name} frames, still`]: frames.still,
  }
}

await main()
