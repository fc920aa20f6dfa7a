import { LogWriter } from '@hanse/protocol'
import { openLogDatabase, SqliteLogStore } from '../sqlite-log-store.ts'
import { testSigner } from './log-folder.ts'

// Appends to the log in the file it is given, in batches of changing width, until it is killed or has made `batches`.
const [path = '', name = '', batches = 'Infinity'] = process.argv.slice(2)
using db = openLogDatabase(path)
const writer = await LogWriter.open(new SqliteLogStore(db), testSigner())
const encoder = new TextEncoder()
for (let batch = 0; batch < Number(batches); batch++) {
  const width = 1 + ((batch * 37) % 90)
  const entries = Array.from({ length: width }, (_, i) => encoder.encode(`${name} ${batch} ${i}`))
  const { size } = await writer.append(entries)
  // What has been told is committed: whoever reads this may count on it.
  process.stdout.write(`${size}\n`)
}
