import { graphics } from 'systeminformation'

// A process of its own: the library asks vendors' tools without a time limit, and blocks while they hang.
const { controllers } = await graphics()
process.stdout.write(JSON.stringify(controllers))
