import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { stripeDoubleOperations } from '@hanse/settlement/testing'
import { contractLines } from './stripe-contract/contract.ts'

// `node scripts/stripe-contract.ts` writes what the Stripe double must keep to, from the type declarations of the
// installed `stripe` library; with --check it fails when the file is stale.

export const CONTRACT = fileURLToPath(
  new URL('../settlement/src/stripe/double/contract.jsonl', import.meta.url),
)

export function freshContract(): string {
  return contractLines(stripeDoubleOperations.map(({ name }) => name))
}

if (import.meta.main) {
  const fresh = freshContract()
  if (!process.argv.includes('--check')) await writeFile(CONTRACT, fresh)
  else if ((await readFile(CONTRACT, 'utf8')) !== fresh) {
    process.stderr.write(`${CONTRACT} is stale: run node scripts/stripe-contract.ts\n`)
    process.exitCode = 1
  }
}
