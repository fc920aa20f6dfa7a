// What people set up once: an authenticator app, single sign-on, where they are told of things, and their own data.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { openIssuerForTest } from '@hanse/settlement/testing'
import jsQR from 'jsqr'
import { type TOTP, URI } from 'otpauth'
import type { Locator, Page } from 'playwright-core'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, test } from 'vitest'
import { AccountSite, PASSWORD } from './account-site.ts'
import { violations } from './axe.ts'
import { buildIfStale, type Visit } from './site.ts'

/** Jobs of the service look every ten seconds. */
const MADE_MS = 60_000
const STEP_MS = 30_000

let lab: AccountSite
/** TXT records of domains. */
const records = new Map<string, string>()

// A hook of its own: where nothing is built yet, it takes as long as all the rest.
beforeAll(() => buildIfStale())
beforeAll(async () => {
  const resolveTxt = async (name: string) => [['v=spf1 -all'], [records.get(name) ?? '']]
  lab = await AccountSite.open({ privateNetworks: true, resolveTxt })
})
afterAll(() => lab?.[Symbol.asyncDispose]())

async function signedUp(visit: Visit, email: string): Promise<Page> {
  await lab.signUp(visit.page, email)
  return visit.page
}

test('an authenticator app reads the code of the page, and the next sign-in asks for its digits', async () => {
  await using visit = await lab.site.visit(undefined)
  const page = await signedUp(visit, 'totp@example.org')
  await page.goto(`${lab.site.web.url}/account/security`)
  await page.getByRole('button', { name: 'Set up an app' }).click()
  const dialog = page.getByRole('dialog')
  const uri = await scanned(page, dialog.getByRole('img', { name: /^QR code/u }))
  const app = URI.parse(uri) as TOTP
  assert.equal(app.issuer, 'Hanse')
  assert.equal(app.label, 'totp@example.org')
  // What the camera reads is what can be typed.
  const typed = (await dialog.locator('code').innerText()).replaceAll(' ', '')
  assert.equal(app.secret.base32, typed)
  assert.deepEqual(await violations(page), [])

  await dialog.getByLabel('Code that the app shows').fill('000000')
  await dialog.getByRole('button', { name: 'Turn it on' }).click()
  await dialog.getByRole('alert').waitFor()
  await dialog.getByLabel('Code that the app shows').fill(shown(app))
  await dialog.getByRole('button', { name: 'Turn it on' }).click()
  await page.getByRole('heading', { name: 'Recovery codes' }).waitFor()
  const [recovery = ''] = (await page.getByRole('dialog').locator('code').innerText()).split('\n')
  await page.getByRole('button', { name: 'I have kept them' }).click()
  await page.getByText('A password needs a code of your app.').waitFor()
  // The way to sign out stands twice in the page, for narrow and for wide ones.
  await page.getByRole('button', { name: 'Sign out' }).filter({ visible: true }).click()

  // A code is good once: the app shows another one by then.
  lab.clock.aheadMs += STEP_MS
  await signIn(page, 'totp@example.org')
  await page.getByLabel(/^Code/u).fill(shown(app))
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${lab.site.web.url}/account`)
  await page.getByRole('button', { name: 'Sign out' }).filter({ visible: true }).click()

  await signIn(page, 'totp@example.org')
  await page.getByRole('button', { name: 'I cannot reach the app' }).click()
  await page.getByLabel('Recovery code').fill(recovery)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${lab.site.web.url}/account`)
})

test('people save what is held of them, and find themselves in it', async () => {
  await using visit = await lab.site.visit(undefined)
  const page = await signedUp(visit, 'export@example.org')
  await page.goto(`${lab.site.web.url}/account/my-data`)
  await page.getByRole('button', { name: 'Make an export' }).click()
  const exports = page.getByTestId('exports')
  await exports.getByText('ready').waitFor({ timeout: MADE_MS })
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    exports.getByRole('button', { name: 'Save' }).click(),
  ])
  assert.match(file.suggestedFilename(), /^hanse-data-\d{4}-\d\d-\d\d\.tar\.gz$/u)
  const content = gunzipSync(await readFile(await file.path())).toString('utf8')
  assert.ok(content.includes('index.json') && content.includes('export@example.org'))
  assert.ok(!content.includes('totp@example.org'), 'nothing of anybody else')
  assert.deepEqual(await violations(page), [])
  visit.assertQuiet()
})

test('an organization signs its people in through its own OpenID provider', async () => {
  const domain = 'loom.example'
  await using visit = await lab.site.visit(undefined)
  const page = await signedUp(visit, 'owner@example.org')
  await page.goto(`${lab.site.web.url}/account/sso`)
  const redirectUri = await page.getByText(/\/v1\/sso\/callback\//u).innerText()
  const client = { id: 'hanse', secret: 'a-client-secret-of-thirty-two-chars' }
  const people = { ann: { email: `ann@${domain}` }, mallory: { email: 'mallory@evil.example' } }
  await using issuer = await openIssuerForTest(people, [{ ...client, redirectUris: [redirectUri] }])

  await page.getByLabel('Issuer').fill('http://127.0.0.1:1')
  await page.getByLabel('Client ID').fill(client.id)
  await page.getByLabel('Client secret').fill(client.secret)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('alert').waitFor()
  await page.getByLabel('Issuer').fill(issuer.url)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: 'Do without' }).waitFor()

  await page.getByLabel('Domain', { exact: true }).fill(domain)
  await page.getByRole('button', { name: 'Add' }).click()
  const record = page.getByText(/^hanse-verification=/u)
  await record.waitFor()
  await page.getByRole('button', { name: 'Look for the record' }).click()
  await page.getByRole('alert').waitFor()
  records.set(`_hanse-verification.${domain}`, await record.innerText())
  await page.getByRole('button', { name: 'Look for the record' }).click()
  await page.getByText('proven', { exact: true }).waitFor()
  assert.deepEqual(await violations(page), [])

  // Somebody of the domain, in a browser that knows nobody.
  await using other = await lab.site.visit('/sign-in')
  await other.page.getByLabel('E-mail address').fill(`someone@${domain}`)
  issuer.next('ann')
  await other.page.getByRole('button', { name: 'Single sign-on' }).click()
  await other.page.waitForURL(`${lab.site.web.url}/account`)
  await other.page.getByText(`ann@${domain}`).first().waitFor()

  // Whom the issuer vouches for without the domain being theirs stays outside.
  await using stranger = await lab.site.visit('/sign-in')
  await stranger.page.getByLabel('E-mail address').fill(`mallory@${domain}`)
  issuer.next('mallory')
  const [refusal] = await Promise.all([
    stranger.page.waitForResponse((answer) => answer.url().includes('/v1/sso/callback/')),
    stranger.page.getByRole('button', { name: 'Single sign-on' }).click(),
  ])
  assert.equal(refusal.status(), 401)

  await using nobody = await lab.site.visit('/sign-in')
  await nobody.page.getByLabel('E-mail address').fill('x@nowhere.example')
  await nobody.page.getByRole('button', { name: 'Single sign-on' }).click()
  await nobody.page.getByText('No organization signs people of this domain in.').waitFor()
  assert.deepEqual(await violations(nobody.page), [])
})

test('a webhook is set up with quiet hours, its secret is shown once, and its test arrives signed', async () => {
  await using receiver = await startReceiver()
  await using visit = await lab.site.visit(undefined)
  const page = await signedUp(visit, 'hooks@example.org')
  await page.goto(`${lab.site.web.url}/account/notifications`)
  await page.getByRole('button', { name: 'New channel' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Kind').selectOption('webhook')
  await dialog.getByLabel('Name').fill('ops')
  await dialog.getByLabel('Address').fill(receiver.url)
  await dialog.getByLabel('Quiet hours').check()
  await dialog.getByLabel('Quiet from').fill('21:30')
  await dialog.getByLabel('Quiet until').fill('06:15')
  assert.deepEqual(await violations(page), [])
  await dialog.getByRole('button', { name: 'New channel' }).click()

  await page.getByRole('heading', { name: 'Secret of ops' }).waitFor()
  const secret = await page.getByRole('dialog').locator('code').innerText()
  assert.deepEqual(await violations(page), [])
  await page.getByRole('button', { name: 'I have kept it' }).click()
  await page.getByText('warnings and what is urgent, at once, not from 21:30 to 06:15').waitFor()
  await page.reload()
  const test = page.getByRole('button', { name: 'Send a test' })
  await test.waitFor()
  assert.ok(!(await page.content()).includes(secret), 'the secret is shown once')

  await test.click()
  await page.getByText('The test has arrived at ops.').waitFor()
  const { headers, body } = receiver.received.at(-1) ?? assert.fail('nothing has arrived')
  const event = new Webhook(secret).verify(body, headers as Record<string, string>)
  assert.equal((event as { type: string }).type, 'channel.test')
  assert.throws(() => new Webhook(secret).verify(`${body} `, headers as Record<string, string>))

  receiver.answer = 500
  await test.click()
  await page.getByText(/The test did not arrive at ops/u).waitFor()
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await page.getByText('ops', { exact: true }).waitFor({ state: 'detached' })
})

/** The six digits of now, by the clock that the service goes by. */
const shown = (app: TOTP): string => app.generate({ timestamp: Date.now() + lab.clock.aheadMs })

async function signIn(page: Page, email: string): Promise<void> {
  await page.goto(`${lab.site.web.url}/sign-in`)
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** What a camera reads of an image. */
async function scanned(page: Page, image: Locator): Promise<string> {
  await image.waitFor()
  const png = (await image.screenshot()).toString('base64')
  // A page without a policy, where a picture may come from anywhere.
  const blank = await page.context().newPage()
  const [width, height, pixels] = await blank.evaluate<[number, number, string]>(`(async () => {
    const bytes = await (await fetch('data:image/png;base64,${png}')).blob()
    const bitmap = await createImageBitmap(bytes)
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
    canvas.drawImage(bitmap, 0, 0)
    const { data } = canvas.getImageData(0, 0, bitmap.width, bitmap.height)
    let text = ''
    for (const byte of data) text += String.fromCharCode(byte)
    return [bitmap.width, bitmap.height, btoa(text)]
  })()`)
  await blank.close()
  // Its types speak of a default export, and what it exports is the function itself.
  const decode = jsQR as unknown as typeof jsQR.default
  const read = decode(new Uint8ClampedArray(Buffer.from(pixels, 'base64')), width, height)
  return read?.data ?? assert.fail('no reader reads this code')
}

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A program that takes webhooks. */
async function startReceiver() {
  const received: Received[] = []
  const self = { answer: 204, received, url: '' }
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      received.push({ headers: request.headers, body })
      response.writeHead(self.answer).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  self.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hanse`
  return Object.assign(self, {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}
