import { Empty } from '../ui/notice.tsx'

export function Overview() {
  return <Empty title="This page is not built yet." />
}
