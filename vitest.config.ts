import { existsSync } from 'node:fs'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'

/** A browser of this machine where there is one, else the one that comes as a package: nothing is downloaded. */
async function chromium(): Promise<{ executablePath: string; args: string[] }> {
  const installed = [process.env.CHROMIUM_PATH ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome']
  const executablePath = installed.find((path) => path !== '' && existsSync(path))
  // Tests run where there is no user to sandbox, and /dev/shm of a container is small.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
  if (executablePath !== undefined) return { executablePath, args }
  const { default: packaged } = await import('@sparticuz/chromium')
  return { executablePath: await packaged.executablePath(), args: [...packaged.args, ...args] }
}

const LONG = ['test/long/**/*.test.ts', 'test/soak/**/*.test.ts']

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            '{protocol,client,node,settlement,simulations,marketplace-web}/src/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          // Half of their time they wait; one core less, as is usual, would leave one of two idle.
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'end-to-end',
          include: ['test/**/*.test.ts'],
          exclude: [...LONG, '**/node_modules/**'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          // Parts that are killed, starved and flooded: minutes of waiting. `npm run test:long`.
          name: 'long',
          include: LONG,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      async () => ({
        extends: true as const,
        optimizeDeps: { include: ['fast-check', 'tweetnacl'] },
        test: {
          // The protocol as a browser runs it: `#crypto` resolves to the JavaScript curve.
          name: 'browser',
          include: ['protocol/src/**/*.test.ts'],
          exclude: ['**/*.node.test.ts', '**/node_modules/**'],
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: await chromium() }),
            instances: [{ browser: 'chromium' as const }],
          },
        },
      }),
    ],
  },
})
