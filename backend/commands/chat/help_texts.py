"""What `/?` and incomplete words print."""

USAGE = """\
Available Commands:
  /set            Set session variables
  /show           Show model information
  /load <model>   Load a session or model
  /save <model>   Save your current session
  /clear          Clear session context
  /bye            Exit
  /?, /help       Help for a command
  /? shortcuts    Help for keyboard shortcuts

Use \"\"\" to begin a multi-line message.
"""
PICTURES = "Use /path/to/file to include .jpg, .png, or .webp images.\n"
SET = """\
Available Commands:
  /set parameter ...     Set a parameter
  /set system <string>   Set system message
  /set template <string> Set the prompt template that /save writes
  /set history           Enable history
  /set nohistory         Disable history
  /set wordwrap          Enable wordwrap
  /set nowordwrap        Disable wordwrap
  /set format json       Enable JSON mode
  /set noformat          Disable formatting
  /set verbose           Show timings after each answer
  /set quiet             Show no timings
  /set think             Enable thinking
  /set nothink           Disable thinking
"""
SHOW = """\
Available Commands:
  /show info         Show details for this model
  /show license      Show model license
  /show modelfile    Show Modelfile for this model
  /show parameters   Show parameters for this model
  /show system       Show system message
  /show template     Show prompt template
"""
PARAMETERS = """\
Available Parameters:
  /set parameter seed <int>             Seed of the random numbers
  /set parameter num_predict <int>      Most tokens of an answer
  /set parameter top_k <int>            Choose among so many likeliest tokens
  /set parameter top_p <float>          Choose among the tokens that make up this probability
  /set parameter min_p <float>          Leave out tokens below this share of the likeliest one
  /set parameter num_ctx <int>          Tokens of context
  /set parameter temperature <float>    How freely tokens are chosen
  /set parameter repeat_penalty <float> How much repeating is held against a token
  /set parameter repeat_last_n <int>    How far back repeating is looked for
  /set parameter num_gpu <int>          Layers on the graphics card
  /set parameter stop <string> <string> ...   Texts that end an answer
"""
SHORTCUTS = """\
Available keyboard shortcuts:
  Ctrl + a            Move to the beginning of the line (Home)
  Ctrl + e            Move to the end of the line (End)
   Alt + b            Move back one word
   Alt + f            Move forward one word
  Ctrl + k            Delete what stands after the cursor
  Ctrl + u            Delete what stands before the cursor
  Ctrl + w            Delete the word before the cursor

  Ctrl + l            Clear the screen
  Ctrl + g            Write the message in your editor
  Ctrl + c            Stop the model from responding
  Ctrl + d            Exit (/bye)
"""
