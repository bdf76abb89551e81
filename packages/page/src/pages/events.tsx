import { Empty } from '../ui/notice.tsx'

export function Events() {
  return <Empty title="This page is not built yet." />
}
