"""``huiying demo``: the fictional office, started on loopback, with its two desks signed in."""

import asyncio
import time

import typer
from rich.console import Console
from rich.progress import Progress

from bot.config import DeskSettings, Settings, TelegramSettings
from huiying.app import Running, serve
from huiying.demo.office import NAMES, furnish, staff
from huiying.lock import only_server
from huiying.schema import open_database

_WORDS = {
    "zh": """
  云渚市民服务台（虚构的城市）已就绪，用时 {seconds:.1f} 秒。

  市民端      {url}/
  {first}    {url}/desk/sign-in?code={first_code}
  {second}    {url}/desk/sign-in?code={second_code}

  两分钟试用，一个人演两边：
  1. 在市民端问“新生儿怎么报户口”，看答案、出处和日期；再用自己的话问别的，拿不准时它会给出选项。
  2. 问一件它不知道的事，例如“我家门口的石狮子不见了”；给出的选项都不对，就选“都不是，找人工”。
     您会得到编号和查询码。
  3. 打开一号窗口的登录链接（只能用一次，一小时内有效），认领这一件，写一句回复；回到市民端看。
     以 // 开头的话只有同事看得到；二号窗口在同一个浏览器里打开，可以试转交。

  数据保存在 {data}；结束后可用 huiying ask、huiying kb、huiying chat 接着看。按 Ctrl-C 结束。
""",
    "en": """
  Yunzhu Citizens' Desk (a fictional city) is ready after {seconds:.1f} s.

  Citizen   {url}/
  {first}    {url}/desk/sign-in?code={first_code}
  {second}    {url}/desk/sign-in?code={second_code}

  Two minutes, one person acting both sides:
  1. As the citizen ask "How do I register a newborn baby?" and read answer, source and date; then
     ask in your own words: when it is not sure, it offers choices.
  2. Ask what it cannot know, such as "The stone lion at my door is gone"; if it offers choices,
     take "None of these: ask an official". You get a number and a code.
  3. Open the link of Desk 1 (works once, within an hour), claim the case and write a reply; look
     at the citizen's page. What begins with // only colleagues see. Desk 2 can be opened in the
     same browser: try a transfer.

  Data is kept in {data}; `huiying ask`, `kb` and `chat` work on it afterwards. Ctrl-C ends.
""",
}


async def run_demo(settings: Settings, stop: asyncio.Event, port: int, lang: str) -> None:
    """Furnish the office if it is new, serve it, and print where to go."""
    started = time.monotonic()
    settings = _for_demo(settings, port, lang)
    database = open_database(settings)
    try:
        with only_server(settings.data_dir):
            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("知识 Knowledge", total=None)
                furnish(database, lambda n, all_: bar.update(task, completed=n, total=all_))
            (first, first_code), (second, second_code) = staff(database, lang)
    finally:
        database.close()

    def ready(running: Running) -> None:
        typer.echo(
            _WORDS[lang].format(
                url=running.url,
                first=first,
                first_code=first_code,
                second=second,
                second_code=second_code,
                data=settings.data_dir,
                seconds=time.monotonic() - started,
            )
        )

    await serve(settings, stop, ready)


def _for_demo(settings: Settings, port: int, lang: str) -> Settings:
    """Keep the demonstration on loopback and off every platform, whatever the file says."""
    office = settings.office.model_copy(update={**NAMES, "language": lang})
    web = settings.web.model_copy(update={"host": "127.0.0.1", "port": port, "public_url": ""})
    return settings.model_copy(
        update={
            "office": office,
            "web": web,
            "telegram": TelegramSettings(),
            "desk": DeskSettings(channel="desk"),
        }
    )
