import { Empty } from '../ui/notice.tsx'

export function Services() {
  return <Empty title="This page is not built yet." />
}
