import './style/tokens.css'
import './style/base.css'
import './style/frame.css'
import './style/parts.css'
import { createRoot } from 'react-dom/client'
import { showTheme } from './base/settings.ts'
import { App } from './frame/app.tsx'

showTheme()
const root = document.getElementById('root')
if (root) createRoot(root).render(<App />)
