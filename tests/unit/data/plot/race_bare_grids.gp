set terminal png notruecolor transparent size 7,5 noenhanced
set encoding utf8
$shade0 << EOD
0.583 0.25 0 0 0.25 0.583
0.333 0.0833 0 0 0.0833 0.333
0.167 0.0833 0 0 0.0833 0.167
0.0833 0.167 0.167 0.167 0.167 0.0833
EOD
set xrange [-2:2]
set yrange [-1:3]
set palette defined (0 '#ffffff', 1 '#9db2c8')
set cbrange [0:1]
unset key
unset border
unset tics
unset colorbox
set lmargin at screen 0
set rmargin at screen 1
set bmargin at screen 0
set tmargin at screen 1
plot $shade0 matrix using (-1.66666667+$1*0.666666667):(-0.5+$2*1):3 with image notitle
