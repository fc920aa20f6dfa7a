import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { newDutyKey, publicDutyKey } from '../documents/duty-box.ts'
import { SettlementError } from '../errors.ts'

/** Opens documents of who was erased. It may be kept elsewhere: only a duty needs it. */
const SECRET = 'duty.key'
/** Shuts them, which is done without anybody looking on: it stays. */
const PUBLIC = 'duty.pub'

/** The key that boxes are closed with; both are made where there is none. @throws {SettlementError} HANSE_BACKUP_VAULT */
export async function dutyToClose(folder: string): Promise<Uint8Array> {
  const known = await readKey(join(folder, PUBLIC))
  if (known !== undefined) return known
  const secret = (await readKey(join(folder, SECRET))) ?? (await makeKey(folder))
  await writeOnce(join(folder, PUBLIC), publicDutyKey(secret))
  return publicDutyKey(secret)
}

/** The key that opens them; undefined where it is kept elsewhere. @throws {SettlementError} HANSE_BACKUP_VAULT */
export const dutyToOpen = (folder: string): Promise<Uint8Array | undefined> =>
  readKey(join(folder, SECRET))

/** Of two who make one at once, both have that of the first. */
async function makeKey(folder: string): Promise<Uint8Array> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeOnce(join(folder, SECRET), newDutyKey())
  const made = await readKey(join(folder, SECRET))
  if (made === undefined) throw new SettlementError('HANSE_BACKUP_VAULT', `no ${SECRET} was made`)
  return made
}

async function readKey(path: string): Promise<Uint8Array | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new SettlementError('HANSE_BACKUP_VAULT', `${path} cannot be read`, { cause: error })
  })
  if (text === undefined) return undefined
  if (!/^[0-9a-f]{64}\n?$/u.test(text)) {
    throw new SettlementError('HANSE_BACKUP_VAULT', `${path} is not what was written`)
  }
  return Uint8Array.from(Buffer.from(text.trim(), 'hex'))
}

/** Whole or not at all, and never over another. */
async function writeOnce(path: string, key: Uint8Array): Promise<void> {
  const part = `${path}.${process.pid}.${performance.now()}.part`
  try {
    {
      await using file = await open(part, 'wx', 0o600)
      await file.writeFile(`${Buffer.from(key).toString('hex')}\n`)
      await file.sync()
    }
    await link(part, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(part, { force: true })
  }
}
