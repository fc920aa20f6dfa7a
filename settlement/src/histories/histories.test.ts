import { openTestStore } from '../testing/database-template.ts'
import { historiesContract } from './histories-contract.ts'

historiesContract('PGlite', () => openTestStore(), 2)
