import { Empty } from '../ui/notice.tsx'

export function Flow() {
  return <Empty title="This page is not built yet." />
}
