import { openPGlite } from '../db/pglite.ts'
import { historiesContract } from './histories-contract.ts'

historiesContract('PGlite', () => openPGlite(undefined), 2)
